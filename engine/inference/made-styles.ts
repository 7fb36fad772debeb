/** How four languages write the same things down. */
import { camel, pascal, snake, upper, type Words } from "./made-names.ts";

export interface MadeConstant {
  name: Words;
  value: string;
}

export interface MadeRecord {
  name: Words;
  field: Words;
}

export interface MadeRoutine {
  name: Words;
  /** What it says of itself, without a full stop. */
  purpose: string;
  /** What it walks over. */
  items: Words;
  option: { name: Words; value: string };
  /** What it collects and gives back. */
  result: Words;
  /** A constant and a routine of other blocks: that a name occurs must not be enough. */
  usedConstant: Words;
  usedRoutine: Words;
}

/** One language: names as it writes them, and definitions. */
export interface Style {
  extension: string;
  constantName: (words: Words) => string;
  routineName: (words: Words) => string;
  memberName: (words: Words) => string;
  /** Whether a parameter can have a default value. */
  hasDefaults: boolean;
  constant: (constant: MadeConstant) => string;
  record: (record: MadeRecord) => string;
  routine: (routine: MadeRoutine) => string;
}

const python: Style = {
  extension: "py",
  constantName: upper,
  routineName: snake,
  memberName: snake,
  hasDefaults: true,
  constant: ({ name, value }) => `${upper(name)} = ${value}\n\n`,
  record: ({ name, field }) => `class ${pascal(name)}:
    def __init__(self, ${snake(field)}):
        self.${snake(field)} = ${snake(field)}


`,
  routine: ({ name, purpose, items, option, result, usedConstant, usedRoutine }) =>
    `def ${snake(name)}(${snake(items)}, ${snake(option.name)}=${option.value}):
    """${purpose}."""
    ${snake(result)} = []
    for item in ${snake(items)}:
        if item > ${upper(usedConstant)}:
            ${snake(result)}.append(${snake(usedRoutine)}(item))
    return ${snake(result)}


`,
};

const typescript: Style = {
  extension: "ts",
  constantName: upper,
  routineName: camel,
  memberName: camel,
  hasDefaults: true,
  constant: ({ name, value }) => `const ${upper(name)} = ${value};\n\n`,
  record: ({ name, field }) => `interface ${pascal(name)} {
  ${camel(field)}: number;
}

`,
  routine: ({ name, purpose, items, option, result, usedConstant, usedRoutine }) => `/** ${purpose}. */
export function ${camel(name)}(${camel(items)}: number[], ${camel(option.name)} = ${option.value}) {
  const ${camel(result)} = ${camel(items)}.filter((item) => item < ${upper(usedConstant)});
  return ${camel(result)}.map((item) => ${camel(usedRoutine)}(item));
}

`,
};

const go: Style = {
  extension: "go",
  constantName: pascal,
  routineName: pascal,
  memberName: pascal,
  hasDefaults: false,
  constant: ({ name, value }) => `const ${pascal(name)} = ${value}\n\n`,
  record: ({ name, field }) => `type ${pascal(name)} struct {
	${pascal(field)} int
}

`,
  routine: ({ name, purpose, items, result, usedConstant, usedRoutine }) => `// ${pascal(name)}: ${purpose}.
func ${pascal(name)}(${camel(items)} []int) []int {
	var ${camel(result)} []int
	for _, item := range ${camel(items)} {
		if item != ${pascal(usedConstant)} {
			${camel(result)} = append(${camel(result)}, ${pascal(usedRoutine)}(item))
		}
	}
	return ${camel(result)}
}

`,
};

const rust: Style = {
  extension: "rs",
  constantName: upper,
  routineName: snake,
  memberName: snake,
  hasDefaults: false,
  constant: ({ name, value }) => `const ${upper(name)}: u32 = ${value};\n\n`,
  record: ({ name, field }) => `pub struct ${pascal(name)} {
    ${snake(field)}: u32,
}

`,
  routine: ({ name, purpose, items, result, usedConstant, usedRoutine }) => `/// ${purpose}.
pub fn ${snake(name)}(${snake(items)}: &[u32]) -> Vec<u32> {
    let ${snake(result)} = ${snake(items)}.iter().filter(|item| **item > ${upper(usedConstant)});
    ${snake(result)}.map(|item| ${snake(usedRoutine)}(*item)).collect()
}

`,
};

/** A file each in turn. */
export const STYLES: readonly [Style, ...Style[]] = [python, typescript, go, rust];
