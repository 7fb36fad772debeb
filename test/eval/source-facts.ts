/** What can be asked about a file: its functions with their comments, its classes, and its constants. Lines are 1-based. */
import type { Node } from "web-tree-sitter";
import { GRAMMARS, type Grammar } from "./source-grammars.ts";
import { withSyntaxTree } from "./source-parser.ts";

/** Lines of one file, inclusive. */
export interface Lines {
  first: number;
  last: number;
}

/** A name on a line. */
export interface Mention {
  name: string;
  line: number;
}

/** A literal that a name stands for. */
export interface NamedValue extends Mention {
  /** As it is written, a string without its quotes. */
  value: string;
}

/** A function or method: its definition, or a declaration of it. */
export interface SourceFunction {
  path: string;
  name: string;
  /** The class that it belongs to; "" where there is none. */
  owner: string;
  /** With decorators and template heads, without a comment before it. */
  lines: Lines;
  /** Lines of its body; 0 for a declaration. */
  bodyLines: number;
  /** Its docstring or leading comment: whole lines. */
  comment?: { lines: Lines; text: string };
  defaults: NamedValue[];
  calls: Mention[];
  /** Exceptions that it raises or throws by name. */
  raises: Mention[];
}

/** What one file says. */
export interface SourceFacts {
  functions: SourceFunction[];
  /** Classes and interfaces. */
  classes: { path: string; name: string; lines: Lines }[];
  constants: (NamedValue & { path: string })[];
}

/** Reads the facts of one file; none in languages that no grammar here is for. */
export async function sourceFacts(path: string, text: string): Promise<SourceFacts> {
  const facts = await withSyntaxTree(path, text, (root, name) => {
    const grammar = GRAMMARS[name];
    return grammar === undefined ? undefined : factsOf(path, root, grammar, text.split("\n"));
  });
  return facts ?? { functions: [], classes: [], constants: [] };
}

function factsOf(path: string, root: Node, grammar: Grammar, source: readonly string[]): SourceFacts {
  const functions = nodes(root, grammar.functions).flatMap((node) => {
    const name = grammar.functionName(node);
    return name === undefined ? [] : [functionOf(path, node, name, grammar, source)];
  });
  const classes = nodes(root, grammar.classes).flatMap((node) => {
    const name = node.childForFieldName("name");
    return name === null || node.childForFieldName("body") === null
      ? []
      : [{ path, name: name.text, lines: linesOf(grammar.whole(node)) }];
  });
  const constants = nodes(root, grammar.constants).flatMap((node) => {
    const found = grammar.isConstant(node) ? grammar.nameAndValue(node) : undefined;
    return found === undefined ? [] : namedValues([found]).map((constant) => ({ ...constant, path }));
  });
  return { functions, classes, constants };
}

function functionOf(
  path: string,
  node: Node,
  { name, owner }: { name: string; owner: string },
  grammar: Grammar,
  source: readonly string[],
): SourceFunction {
  const whole = grammar.whole(node);
  const body = grammar.body(node);
  const comment = wholeLines(grammar.comment(node, whole), source);
  return {
    path,
    name,
    owner,
    lines: linesOf(whole),
    bodyLines: body === null ? 0 : body.endPosition.row - body.startPosition.row + 1,
    ...(comment === undefined ? {} : { comment }),
    defaults: namedValues(
      nodes(grammar.head(node), grammar.defaults).flatMap((each) => grammar.nameAndValue(each) ?? []),
      /^(?!(?:None|True|False|null|undefined|true|false|NULL|nullptr)$)[A-Za-z_$][\w$.]*$/,
    ),
    calls: body === null ? [] : mentions(nodes(body, grammar.calls), grammar.callee),
    raises: body === null ? [] : mentions(nodes(body, grammar.raises), grammar.raised),
  };
}

function nodes(root: Node | null, types: readonly string[]): Node[] {
  return types.length === 0 ? [] : (root?.descendantsOfType([...types]).filter((node) => node !== null) ?? []);
}

function mentions(found: readonly Node[], nameOf: (node: Node) => string | undefined): Mention[] {
  return found.flatMap((node) => {
    const name = nameOf(node);
    return name === undefined ? [] : [{ name, line: node.startPosition.row + 1 }];
  });
}

/** Names that stand for a number or a string that says something; 0, 1, flags and nothings could be guessed. */
function namedValues(found: readonly { name: Node; value: Node }[], other = /^$/): NamedValue[] {
  return found.flatMap(({ name, value }) => {
    if (other.test(value.text)) return [{ name: name.text, value: value.text, line: name.startPosition.row + 1 }];
    const text = /^(?:[brf]?"([^"\\\n]*)"|[brf]?'([^'\\\n]*)'|(-?[\d.][\w.]*))$/.exec(value.text);
    const literal = text?.[1] ?? text?.[2] ?? text?.[3];
    if (literal === undefined || literal.length > 40 || !/[\p{L}\d]{2}|[2-9]/u.test(literal)) return [];
    return [{ name: name.text, value: literal, line: name.startPosition.row + 1 }];
  });
}

function linesOf({ startPosition, endPosition }: Node): Lines {
  return { first: startPosition.row + 1, last: endPosition.column === 0 ? endPosition.row : endPosition.row + 1 };
}

/** Neighbouring comment nodes as one, where nothing else stands on their lines. */
function wholeLines(comments: readonly Node[], source: readonly string[]): SourceFunction["comment"] {
  const [first, last] = [comments[0], comments.at(-1)];
  if (first === undefined || last === undefined) return undefined;
  const before = source[first.startPosition.row]?.slice(0, first.startPosition.column) ?? "";
  const after = source[last.endPosition.row]?.slice(last.endPosition.column) ?? "";
  if (before.trim() !== "" || after.trim() !== "") return undefined;
  return {
    lines: { first: first.startPosition.row + 1, last: last.endPosition.row + 1 },
    text: comments.map((comment) => comment.text).join("\n"),
  };
}
