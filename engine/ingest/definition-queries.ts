/**
 * Where each language names what it defines. A query captures the name's node; the capture's own name is the kind of definition:
 * "field" and "declaration" (a prototype) are weaker kinds than the others. Node types are those of the grammars in
 * `@vscode/tree-sitter-wasm`.
 */

/** `const a = 1, b = 2`, exported or not, outside functions. */
const SCRIPT_VARIABLES = ["lexical_declaration", "variable_declaration"].map((declaration) => {
  const names = `(${declaration} (variable_declarator name: (identifier) @variable))`;
  return `(program ${names}) (program (export_statement ${names}))`;
});

const TYPESCRIPT = `
  (function_declaration name: (_) @function)
  (generator_function_declaration name: (_) @function)
  (function_signature name: (_) @function)
  (class_declaration name: (_) @class)
  (abstract_class_declaration name: (_) @class)
  (interface_declaration name: (_) @interface)
  (type_alias_declaration name: (_) @type)
  (enum_declaration name: (_) @enum)
  (enum_body name: (_) @constant)
  (enum_assignment name: (_) @constant)
  (internal_module name: (identifier) @module)
  (method_definition name: (_) @method)
  (method_signature name: (_) @method)
  (abstract_method_signature name: (_) @method)
  (public_field_definition name: (_) @field)
  (interface_body (property_signature name: (_) @field))
  (type_alias_declaration value: (object_type (property_signature name: (_) @field)))
  ${SCRIPT_VARIABLES.join("\n")}`;

const JAVASCRIPT = `
  (function_declaration name: (_) @function)
  (generator_function_declaration name: (_) @function)
  (class_declaration name: (_) @class)
  (method_definition name: (_) @method)
  (field_definition property: (_) @field)
  (program (expression_statement (assignment_expression
    left: (member_expression property: (_) @function)
    right: [(function_expression) (arrow_function) (class)])))
  ${SCRIPT_VARIABLES.join("\n")}`;

const PYTHON = `
  (function_definition name: (_) @function)
  (class_definition name: (_) @class)
  (module (expression_statement (assignment left: (identifier) @variable)))
  (class_definition body: (block (expression_statement (assignment left: (identifier) @field))))`;

const GO = `
  (function_declaration name: (_) @function)
  (method_declaration name: (_) @method)
  (method_elem name: (_) @method)
  (type_spec name: (_) @type)
  (type_alias name: (_) @type)
  (field_declaration name: (_) @field)
  (source_file (const_declaration (const_spec name: (identifier) @constant)))
  (source_file (var_declaration (var_spec name: (identifier) @variable)))
  (source_file (var_declaration (var_spec_list (var_spec name: (identifier) @variable))))`;

const RUST = `
  (function_item name: (_) @function)
  (function_signature_item name: (_) @method)
  (struct_item name: (_) @struct)
  (union_item name: (_) @struct)
  (enum_item name: (_) @enum)
  (enum_variant name: (_) @constant)
  (trait_item name: (_) @trait)
  (type_item name: (_) @type)
  (mod_item name: (_) @module body: (_))
  (macro_definition name: (_) @macro)
  (const_item name: (_) @constant)
  (static_item name: (_) @constant)
  (field_declaration name: (_) @field)`;

const JAVA = `
  (class_declaration name: (_) @class)
  (record_declaration name: (_) @class)
  (interface_declaration name: (_) @interface)
  (annotation_type_declaration name: (_) @interface)
  (enum_declaration name: (_) @enum)
  (enum_constant name: (_) @constant)
  (method_declaration name: (_) @method)
  (field_declaration declarator: (variable_declarator name: (_) @field))`;

/** In C and C++ a name is wrapped into what its type adds to it: `char *name(...)`, `Type &Scope::name(...)`. */
const CPP_FUNCTION = `(function_declarator declarator: [
  (identifier) @function (field_identifier) @function
  (qualified_identifier name: (identifier) @function)
  (qualified_identifier name: (qualified_identifier name: (identifier) @function))])`;
const CPP_PROTOTYPE = `(function_declarator declarator: [(identifier) (field_identifier)] @declaration)`;
const CPP_GLOBAL = `(declaration declarator: [
  (identifier) @variable
  (init_declarator declarator: [
    (identifier) @variable
    (array_declarator declarator: (identifier) @variable)
    (pointer_declarator declarator: (identifier) @variable)
    (pointer_declarator declarator: (array_declarator declarator: (identifier) @variable))])])`;

const CPP = `
  (function_definition declarator: [
    ${CPP_FUNCTION} (pointer_declarator declarator: ${CPP_FUNCTION}) (reference_declarator ${CPP_FUNCTION})])
  (declaration declarator: [
    ${CPP_PROTOTYPE} (pointer_declarator declarator: ${CPP_PROTOTYPE}) (reference_declarator ${CPP_PROTOTYPE})])
  (field_declaration declarator: [
    (field_identifier) @field (pointer_declarator declarator: (field_identifier) @field)
    ${CPP_PROTOTYPE} (pointer_declarator declarator: ${CPP_PROTOTYPE}) (reference_declarator ${CPP_PROTOTYPE})])
  (translation_unit ${CPP_GLOBAL})
  (declaration_list ${CPP_GLOBAL})
  (class_specifier name: (type_identifier) @class body: (_))
  (struct_specifier name: (type_identifier) @struct body: (_))
  (union_specifier name: (type_identifier) @struct body: (_))
  (enum_specifier name: (type_identifier) @enum body: (_))
  (enumerator name: (_) @constant)
  (type_definition declarator: (type_identifier) @type)
  (alias_declaration name: (_) @type)
  (preproc_def name: (_) @macro)
  (preproc_function_def name: (_) @macro)`;

const C_SHARP = `
  (class_declaration name: (_) @class)
  (record_declaration name: (_) @class)
  (struct_declaration name: (_) @struct)
  (interface_declaration name: (_) @interface)
  (enum_declaration name: (_) @enum)
  (enum_member_declaration name: (_) @constant)
  (delegate_declaration name: (_) @type)
  (method_declaration name: (_) @method)
  (property_declaration name: (_) @field)
  (field_declaration (variable_declaration (variable_declarator name: (_) @field)))`;

const RUBY = `
  (module name: (constant) @module)
  (module name: (scope_resolution name: (_) @module))
  (class name: (constant) @class)
  (class name: (scope_resolution name: (_) @class))
  (method name: (_) @method)
  (singleton_method name: (_) @method)
  (assignment left: (constant) @constant)`;

const PHP = `
  (function_definition name: (_) @function)
  (class_declaration name: (_) @class)
  (interface_declaration name: (_) @interface)
  (trait_declaration name: (_) @trait)
  (enum_declaration name: (_) @enum)
  (enum_case name: (_) @constant)
  (method_declaration name: (_) @method)
  (const_element (name) @constant)
  (property_element name: (_) @field)`;

const BASH = `
  (function_definition name: (_) @function)
  (program (variable_assignment name: (variable_name) @variable))`;

/** One language: the grammar's name in the package, what its files are called, and its query. */
export interface LanguageDefinitions {
  grammar: string;
  /** Extensions, separated by spaces. */
  extensions: string;
  query: string;
}

/** All languages that definitions are found in. The build copies their grammars. */
export const LANGUAGES: readonly LanguageDefinitions[] = [
  { grammar: "typescript", extensions: "ts mts cts", query: TYPESCRIPT },
  { grammar: "tsx", extensions: "tsx", query: TYPESCRIPT },
  { grammar: "javascript", extensions: "js mjs cjs jsx", query: JAVASCRIPT },
  { grammar: "python", extensions: "py pyi pyw", query: PYTHON },
  { grammar: "go", extensions: "go", query: GO },
  { grammar: "rust", extensions: "rs", query: RUST },
  { grammar: "java", extensions: "java", query: JAVA },
  // Near enough to a superset of C: one grammar reads both, so that no header's language is guessed.
  { grammar: "cpp", extensions: "c h cc cpp cxx hh hpp hxx inl ipp cu cuh", query: CPP },
  { grammar: "c-sharp", extensions: "cs", query: C_SHARP },
  { grammar: "ruby", extensions: "rb rake gemspec", query: RUBY },
  { grammar: "php", extensions: "php", query: PHP },
  { grammar: "bash", extensions: "sh bash", query: BASH },
];

/** The language of a file by its name; undefined where definitions are not looked for. */
export function languageOf(path: string): LanguageDefinitions | undefined {
  const extension = /\.([A-Za-z]+)$/.exec(path)?.[1]?.toLowerCase();
  return LANGUAGES.find(({ extensions }) => extension !== undefined && extensions.split(" ").includes(extension));
}
