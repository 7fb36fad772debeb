/** How each language of the corpora writes functions, comments and constants, in its grammar's node types. */
import type { Node } from "web-tree-sitter";

/** One language. Functions that return nodes return them in file order. */
export interface Grammar {
  functions: readonly string[];
  classes: readonly string[];
  /** Nodes that give a name a value. */
  constants: readonly string[];
  /** Nodes that give a parameter a default. */
  defaults: readonly string[];
  calls: readonly string[];
  raises: readonly string[];
  /** Undefined where the node is no named function, or one inside another. */
  functionName: (node: Node) => { name: string; owner: string } | undefined;
  /** The definition with what belongs to it: decorators, `export`, a template's head. */
  whole: (node: Node) => Node;
  body: (node: Node) => Node | null;
  /** What holds the parameters. */
  head: (node: Node) => Node | null;
  /** The docstring or the leading comment. */
  comment: (node: Node, whole: Node) => Node[];
  /** Whether the name can be used beyond one function. */
  isConstant: (node: Node) => boolean;
  nameAndValue: (node: Node) => { name: Node; value: Node } | undefined;
  callee: (node: Node) => string | undefined;
  raised: (node: Node) => string | undefined;
}

/** By the names that `languageOf` gives. */
export const GRAMMARS: Readonly<Record<string, Grammar>> = { python: python(), typescript: typescript(), cpp: cpp() };

function python(): Grammar {
  return {
    functions: ["function_definition"],
    classes: ["class_definition"],
    constants: ["assignment"],
    defaults: ["default_parameter", "typed_default_parameter"],
    calls: ["call"],
    raises: ["raise_statement"],
    functionName: (node) =>
      isInside(node, ["function_definition"]) ? undefined : named(node, ownerName(node, ["class_definition"])),
    whole: (node) => (node.parent?.type === "decorated_definition" ? node.parent : node),
    body: (node) => node.childForFieldName("body"),
    head: (node) => node.childForFieldName("parameters"),
    comment: (node) => docstring(node),
    isConstant: (node) => !isInside(node, ["function_definition", "lambda", "for_statement", "with_statement"]),
    nameAndValue: (node) => fields(node, ["name", "left"], ["value", "right"]),
    callee: (node) => lastName(node.childForFieldName("function")),
    raised: (node) => lastName(raisedBy(node.namedChild(0))),
  };
}

function typescript(): Grammar {
  const scripts = ["function_declaration", "function_signature", "generator_function_declaration"];
  const inner = [...scripts, "method_definition", "arrow_function", "function_expression"];
  return {
    functions: [...scripts, "method_definition", "variable_declarator"],
    classes: ["class_declaration", "abstract_class_declaration", "interface_declaration"],
    constants: ["variable_declarator", "enum_assignment", "public_field_definition"],
    defaults: ["required_parameter", "optional_parameter"],
    calls: ["call_expression", "new_expression"],
    raises: ["throw_statement"],
    functionName: (node) => {
      if (isInside(node, inner) || (node.type === "variable_declarator" && arrow(node) === null)) return undefined;
      return named(node, ownerName(node, ["class_declaration", "abstract_class_declaration"]));
    },
    whole: (node) => statementOf(node, ["export_statement", "lexical_declaration", "variable_declaration"]),
    body: (node) => (arrow(node) ?? node).childForFieldName("body"),
    head: (node) => (arrow(node) ?? node).childForFieldName("parameters"),
    comment: (_, whole) => leadingComments(whole, (text) => text.startsWith("/**")).slice(-1),
    isConstant: (node) => !isInside(node, [...inner, "statement_block"]),
    nameAndValue: (node) => fields(node, ["name", "pattern"], ["value"]),
    callee: (node) => lastName(node.childForFieldName("function") ?? node.childForFieldName("constructor")),
    raised: (node) => lastName(node.namedChild(0)?.childForFieldName("constructor") ?? null),
  };
}

function cpp(): Grammar {
  return {
    functions: ["function_definition", "declaration", "field_declaration"],
    classes: ["class_specifier", "struct_specifier"],
    constants: ["init_declarator", "enumerator", "preproc_def"],
    defaults: ["optional_parameter_declaration"],
    calls: ["call_expression"],
    raises: [],
    functionName: (node) => {
      if (isInside(node, ["function_definition"])) return undefined;
      const path = declarator(node)?.childForFieldName("declarator")?.text.split("::") ?? [];
      const name = path.at(-1) ?? "";
      if (!/^[A-Za-z]\w+$/.test(name)) return undefined;
      const owner = path.at(-2) ?? ownerName(node, ["class_specifier", "struct_specifier"]);
      return owner === name ? undefined : { name, owner };
    },
    whole: (node) => statementOf(node, ["template_declaration"]),
    body: (node) => node.childForFieldName("body"),
    head: (node) => declarator(node)?.childForFieldName("parameters") ?? null,
    comment: (_, whole) => leadingComments(whole, () => true),
    isConstant: (node) => !isInside(node, ["function_definition", "compound_statement"]),
    nameAndValue: (node) => fields(node, ["name", "declarator"], ["value", "default_value"]),
    callee: (node) => lastName(node.childForFieldName("function")),
    raised: () => undefined,
  };
}

function named(node: Node, owner: string): { name: string; owner: string } | undefined {
  const name = node.childForFieldName("name")?.text ?? "";
  return /^[A-Za-z_$]\w+$/.test(name) && !/^(?:__\w+__|constructor)$/.test(name) ? { name, owner } : undefined;
}

function isInside(node: Node, types: readonly string[]): boolean {
  return ancestor(node, types) !== null;
}

function ancestor(node: Node, types: readonly string[]): Node | null {
  let outer = node.parent;
  while (outer !== null && !types.includes(outer.type)) outer = outer.parent;
  return outer;
}

function ownerName(node: Node, types: readonly string[]): string {
  return ancestor(node, types)?.childForFieldName("name")?.text ?? "";
}

/** The outermost of the wrapping statements. */
function statementOf(node: Node, wrappers: readonly string[]): Node {
  let whole = node;
  while (whole.parent !== null && wrappers.includes(whole.parent.type)) whole = whole.parent;
  return whole;
}

function fields(node: Node, names: readonly string[], values: readonly string[]): ReturnType<Grammar["nameAndValue"]> {
  const find = (fieldNames: readonly string[]): Node | null =>
    fieldNames.map((field) => node.childForFieldName(field)).find((child) => child !== null) ?? null;
  const [name, value] = [find(names), find(values)];
  return name === null || value === null || !/^[\w$]+$/.test(name.text) ? undefined : { name, value };
}

/** `a.b.c`, `a->c`, `a::c` -> c. */
function lastName(node: Node | null): string | undefined {
  return node === null ? undefined : /^[\w$.:>-]*?([\w$]+)$/.exec(node.text)?.[1];
}

function raisedBy(value: Node | null): Node | null {
  return value?.type === "call" ? value.childForFieldName("function") : value;
}

function docstring(node: Node): Node[] {
  const first = node.childForFieldName("body")?.namedChild(0);
  const text = first?.type === "expression_statement" ? first.namedChild(0) : first;
  return text?.type === "string" && /^[rR]?"""/.test(text.text) ? [text] : [];
}

/** The function that a variable holds. */
function arrow(node: Node): Node | null {
  const value = node.type === "variable_declarator" ? node.childForFieldName("value") : null;
  return value?.type === "arrow_function" || value?.type === "function_expression" ? value : null;
}

function declarator(node: Node): Node | null {
  let inner = node.childForFieldName("declarator");
  while (inner !== null && inner.type !== "function_declarator") {
    inner =
      inner.childForFieldName("declarator") ?? (inner.type === "reference_declarator" ? inner.namedChild(0) : null);
  }
  return inner;
}

/** Comments on the lines just above a statement, without a gap. */
function leadingComments(whole: Node, isComment: (text: string) => boolean): Node[] {
  const comments: Node[] = [];
  let next = whole;
  for (let node = whole.previousNamedSibling; node?.type === "comment"; node = node.previousNamedSibling) {
    if (!isComment(node.text) || node.endPosition.row !== next.startPosition.row - 1) break;
    comments.unshift(node);
    next = node;
  }
  return comments;
}
