import { describe, expect, onTestFinished, test } from "vitest";

import { DefinitionFinder } from "../../engine/ingest/definition-finder.ts";

function finder(): { definitions: DefinitionFinder; log: string[] } {
  const log: string[] = [];
  const definitions = new DefinitionFinder((line) => log.push(line));
  onTestFinished(() => definitions.rest());
  return { definitions, log };
}

/** Sources that say of themselves what they define: each line that defines something ends in a comment "= kind name, kind name". */
const SOURCES: Record<string, string> = {
  "a.ts": `
    import { other } from "./other.ts";
    export const LIMIT = 3, other2 = 4; // = variable LIMIT, variable other2
    let counter: number; // = variable counter
    export async function load(path: string): Promise<void> { // = function load
      const inner = () => other(path);
    }
    export interface Options { // = interface Options
      depth: number; // = field depth
      run(): void; // = method run
    }
    type Shape = { width: number }; // = type Shape, field width
    enum Colour { Red, Green = 2 } // = enum Colour, constant Red, constant Green
    export abstract class Base<T> extends Other { // = class Base
      #secret = 1; // = field secret
      constructor() {}
      abstract area(): number; // = method area
      static async of(): Promise<void> {} // = method of
      ["computed"]() {}
      get size(): { width: number } { return load("x"); } // = method size
    }`,
  "a.tsx": `
    export const Button = () => <b onClick={() => go()}>x</b>; // = variable Button
    function App() { return <Button />; } // = function App`,
  "a.js": `
    class Cart { // = class Cart
      #items = []; // = field items
      add(item) { this.#items.push(item); } // = method add
    }
    var total = 0; // = variable total
    exports.sum = function (list) { return list; }; // = function sum
    module.exports.mean = (list) => list; // = function mean`,
  "a.py": `
LIMIT = 3 # = variable LIMIT
class Cart(Base): # = class Cart
    size = 0 # = field size
    def __init__(self):
        self.items = []
    @property
    async def items_of(self, owner): # = function items_of
        local = 1`,
  "a.go": `
    package cart
    const Limit = 3 // = constant Limit
    var ( total int // = variable total
      first = 1 ) // = variable first
    type Cart struct { // = type Cart
      Items, Extra []Item // = field Items, field Extra
    }
    type Adder interface { // = type Adder
      Add(item Item) error // = method Add
    }
    type Alias = Cart // = type Alias
    func New() *Cart { local := 1; return nil } // = function New
    func (c *Cart) Len() int { return 0 } // = method Len`,
  "a.rs": `
    pub struct Cart<'a> { // = struct Cart
      items: &'a [u8], // = field items
    }
    enum Kind { One, Two(u8) } // = enum Kind, constant One, constant Two
    trait Add { // = trait Add
      fn add(&self); // = method add
    }
    impl<'a> Cart<'a> {
      pub async fn len(&self) -> usize { let local = 1; local } // = function len
    }
    const LIMIT: usize = 3; // = constant LIMIT
    static TOTAL: u8 = 0; // = constant TOTAL
    type Pair = (u8, u8); // = type Pair
    mod other;
    mod tests {} // = module tests
    macro_rules! square { ($x:expr) => { $x * $x } } // = macro square`,
  "A.java": `
    package a;
    @Entity
    public class Cart<T> extends Base { // = class Cart
      private static final int LIMIT = 3, MORE = 4; // = field LIMIT, field MORE
      Cart() {}
      @Override
      public <U> void add(T item) { int local = 1; } // = method add
      enum Kind { ONE, TWO } // = enum Kind, constant ONE, constant TWO
      interface Adder { void plus(); } // = interface Adder, method plus
      record Pair(int a, int b) {} // = class Pair
    }`,
  "a.c": `
    #include <stdio.h>
    #define LIMIT 3 // = macro LIMIT
    #define SQUARE(x) ((x) * (x)) // = macro SQUARE
    struct cart { int size; char *name; }; // = struct cart, field size, field name
    struct cart *open_cart(void); // = declaration open_cart
    typedef struct cart cart_t; // = type cart_t
    enum kind { ONE, TWO }; // = enum kind, constant ONE, constant TWO
    static const char *names[] = { "a" }; // = variable names
    int total = 0, other; // = variable total, variable other
    char *name_of(struct cart *cart) { int local = 1; return cart->name; } // = function name_of`,
  "a.cpp": `
    namespace shop {
    template <class T> class Cart : Base { // = class Cart
      int size_ = 0; // = field size_
      int size() const { return size_; } // = function size
      Cart &add(T item); // = declaration add
    };
    constexpr int kLimit = 3; // = variable kLimit
    }
    shop::Cart &shop::Cart::add(int item) { return *this; } // = function add
    using Items = int; // = type Items`,
  "a.cs": `
    namespace Shop {
      public class Cart : Base { // = class Cart
        private int size, other; // = field size, field other
        public int Size { get; set; } // = field Size
        Cart() {}
        public void Add<T>(T item) { var local = 1; } // = method Add
      }
      record Pair(int A, int B); // = class Pair
      enum Kind { One } // = enum Kind, constant One
    }`,
  "a.rb": `
    module Shop # = module Shop
      LIMIT = 3 # = constant LIMIT
      class Other::Cart < Base # = class Cart
        def self.make; end # = method make
        def empty?; local = 1; end # = method empty?
      end
    end`,
  "a.php": `<?php
    const LIMIT = 3; # = constant LIMIT
    final class Cart extends Base { # = class Cart
      private $size = 3; # = field size
      public function __construct() {}
      public function add(int $item): void {} # = method add
    }
    trait Adds {} # = trait Adds
    enum Kind { case One; } # = enum Kind, constant One
    function total() { $local = 1; } # = function total`,
  "a.sh": `
    LIMIT=3 # = variable LIMIT
    total() { local x=1; } # = function total`,
};

test.each(Object.entries(SOURCES))("finds what %s defines, on its lines", async (path, text) => {
  const expected = text.split("\n").flatMap((content, i) => {
    const said = /(?:\/\/|#) = (.*)$/.exec(content)?.[1]?.split(", ") ?? [];
    return said.map((definition) => `${i + 1} ${definition}`);
  });
  const found = await finder().definitions.find(path, text);
  expect(found.map(({ line, kind, name }) => `${line} ${kind} ${name}`)).toEqual(expected);
});

test("a file that is broken still tells of what stands whole in it", async () => {
  const found = await finder().definitions.find("a.ts", "class Whole { run() {} }\nfunction broken( {{{ ]\n");
  expect(found.map(({ name }) => name)).toContain("Whole");
});

test("languages without a grammar and huge files have no definitions", async () => {
  const { definitions, log } = finder();
  expect(await definitions.find("notes.md", "# class Title {}")).toEqual([]);
  expect(await definitions.find("Makefile", "all:")).toEqual([]);
  expect(await definitions.find("a.ts", `class A {}\n${"// filler\n".repeat(30_000)}`)).toEqual([]);
  expect(log).toEqual([]);
});

describe("hostile files", () => {
  const fill = (unit: string): string => unit.repeat(250_000 / unit.length);

  test.each([
    ["deep.ts", fill("{[")],
    ["brackets.ts", "[".repeat(1_000_000)],
    ["nested.ts", `${"(".repeat(120_000)}${")".repeat(120_000)}`],
    ["generics.java", fill("a<")],
    ["templates.cs", fill("template<")],
    ["parser-breaks.go", fill("{[")],
    ["loops.sh", fill("if(a)")],
    ["quotes.rs", fill("\"'")],
    ["indented.py", Array.from({ length: 600 }, (_, i) => `${" ".repeat(i)}if a:`).join("\n")],
    ["nul.php", `<?php ${fill("\0${")}`],
  ])("%s ends, and the next file is parsed as ever", async (path, text) => {
    const { definitions } = finder();
    await definitions.find(path, text);
    expect(await definitions.find("next.ts", "class Next {}")).toEqual([{ name: "Next", kind: "class", line: 1 }]);
  });

  test("there is an end to definitions and to names", async () => {
    const { definitions } = finder();
    const many = Array.from({ length: 9_000 }, (_, i) => `let v${i};`).join("\n");
    expect(await definitions.find("many.ts", many)).toHaveLength(5_000);
    expect(await definitions.find("long.ts", `let ${"n".repeat(101)}; let short;`)).toMatchObject([{ name: "short" }]);
  });

  test("after some threads were lost to them, none is started any more", async () => {
    const { definitions, log } = finder();
    for (let i = 0; i < 9; i++) await definitions.find("parser-breaks.go", fill("{["));
    expect(log).toHaveLength(8);
    expect(await definitions.find("next.ts", "class Next {}")).toEqual([]);
  });
});
