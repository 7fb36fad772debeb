/** Questions to train on: many ways to ask for what a sentence describes or a name stands for. */

type Random = () => number;

/** For sentences that begin with what the code does. `third`: "parses the …"; `plain`: "parse the …". */
const ACTIONS: readonly ((third: string, plain: string, kind: string) => string)[] = [
  (third, _, kind) => `Which ${kind} ${third}?`,
  (third) => `Where is the code that ${third}?`,
  (third) => `What ${third}?`,
  (third) => `Which part of the project ${third}?`,
  (third, _, kind) => `Show me the ${kind} that ${third}.`,
  (_, plain) => `How does the code ${plain}?`,
  (_, plain) => `Where do we ${plain}?`,
  (_, plain, kind) => `Which ${kind} is used to ${plain}?`,
  (_, plain) => `How can I ${plain}?`,
  (_, plain) => `I need to ${plain}. What does that?`,
  (_, plain, kind) => `Which ${kind} does the following: ${plain}?`,
  (_, plain) => `Find the code to ${plain}.`,
];

/** For sentences that name a thing. */
const THINGS: readonly ((thing: string, kind: string) => string)[] = [
  (thing) => `What stands for ${thing}?`,
  (thing) => `Where is ${thing} defined?`,
  (thing) => `How is ${thing} implemented?`,
  (thing, kind) => `Which ${kind} is ${thing}?`,
  (thing, kind) => `Where is the ${kind} for ${thing}?`,
  (thing, kind) => `Which ${kind} is this: ${thing}?`,
];

const NAMES: readonly ((name: string, kind: string) => string)[] = [
  (name) => `Where is ${name} defined?`,
  (name) => `What does ${name} do?`,
  (name) => `How does ${name} work?`,
  (name) => `What is ${name} for?`,
  (name) => `Which file contains ${name}?`,
  (name, kind) => `Explain the ${kind} ${name}.`,
  (name) => name,
];

const VALUES: readonly ((name: string) => string)[] = [
  (name) => `What is the value of ${name}?`,
  (name) => `What is ${name} set to?`,
  (name) => `How large is ${name}?`,
];

const DEFAULTS: readonly ((parameter: string, name: string) => string)[] = [
  (parameter, name) => `What is the default value of the parameter ${parameter} of ${name}?`,
  (parameter, name) => `What is ${parameter} in ${name} when it is not given?`,
  (parameter, name) => `Which default does ${name} use for ${parameter}?`,
];

/** Share of the questions that are the sentence itself. */
const BARE = 0.2;

/** A question that the definition of kind `kind` answers, out of a sentence that describes it. */
export function describingQuestion(sentence: string, kind: string, random: Random): string {
  const text = lowerFirst(sentence);
  if (random() < BARE || PHRASE.test(text)) return sentence;
  const called = readableKind(kind);
  if (beginsWithVerb(text, kind)) return choose(ACTIONS, random)(thirdPerson(text), plainForm(text), called);
  return choose(THINGS, random)(text, called);
}

/** Beginnings that fit into no question. */
const PHRASE =
  /^(?:if|when|whether|also|only|used|note|same|there|it|this|these|where|we|you|must|may|should|can|will|called|on|by|with|not|[a-z]+ed|[a-z]+ing)\b/;

const ARTICLE = /^(?:an?|the|all|each|this|whether|if|that|any|every|some|no|one|its|…)$/;

/** Functions are mostly described by what they do, in one form of the verb or the other; all else by what it is. */
function beginsWithVerb(text: string, kind: string): boolean {
  const [first = "", second = ""] = text.split(" ");
  if (ARTICLE.test(first) || /^(?:number|list|set|map|name|path|size|of|for|in|to)$/.test(first)) return false;
  if (/^(?:represent|implement|provide|hold|store|contain|manage|handle|describe|define)s$/.test(first)) return true;
  return ARTICLE.test(second) || (isAction(kind) && /^[a-z]+$/.test(first));
}

/** A question that names what it is about. */
export function namingQuestion(name: string, kind: string, random: Random): string {
  return choose(NAMES, random)(name, readableKind(kind));
}

/** A question about a constant's value. */
export function valueQuestion(name: string, random: Random): string {
  return choose(VALUES, random)(name);
}

/** A question about a parameter's default. */
export function defaultQuestion(parameter: string, name: string, random: Random): string {
  return choose(DEFAULTS, random)(parameter, name);
}

function isAction(kind: string): boolean {
  return ["function", "method", "declaration", "macro"].includes(kind);
}

function readableKind(kind: string): string {
  return kind === "declaration" ? "function" : kind;
}

function lowerFirst(text: string): string {
  return /^\p{Lu}\p{Ll}/u.test(text) || text.startsWith("A ") ? text.charAt(0).toLowerCase() + text.slice(1) : text;
}

/** "parses the header" -> "parse the header". */
function plainForm(text: string): string {
  return text.replace(/^[a-z]+(?=\s)/, (verb) => {
    if (verb === "is" || verb === "are") return "be";
    if (verb === "has") return "have";
    if (verb === "does") return "do";
    if (!verb.endsWith("s") || verb.endsWith("ss") || verb.endsWith("us")) return verb;
    if (verb.endsWith("ies")) return `${verb.slice(0, -3)}y`;
    return /(?:ch|sh|ss|x|zz)es$/.test(verb) ? verb.slice(0, -2) : verb.slice(0, -1);
  });
}

/** "parse the header" -> "parses the header". */
function thirdPerson(text: string): string {
  return text.replace(/^[a-z]+(?=\s)/, (verb) => {
    if (/[^su]s$/.test(verb) || ["is", "was"].includes(verb)) return verb;
    if (/[^aeiou]y$/.test(verb)) return `${verb.slice(0, -1)}ies`;
    return /(?:ch|sh|ss|x|zz)$/.test(verb) ? `${verb}es` : `${verb}s`;
  });
}

function choose<T>(choices: readonly T[], random: Random): T {
  const choice = choices[Math.floor(random() * choices.length)];
  if (choice === undefined) throw new RangeError("nothing to choose from");
  return choice;
}
