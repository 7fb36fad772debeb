/** What a question that begins with a command asks of the model. In English, as the model's other words are. */

const COMMANDS: Record<string, (subject: string) => string> = {
  explain: (subject) => `Explain ${subject}: what it is, where it comes from, and who uses it and how.`,
  where: (subject) => `Where is ${subject} defined, and where is it used?`,
  impact: (subject) => `What breaks if ${subject} changes? Name everything that uses it.`,
  tests: (subject) => `Write tests for ${subject} in the style of this repository's own tests.`,
  doc: (subject) => `Write the documentation comment of ${subject}.`,
};

/** What the model is asked; undefined for a question without a command. `about`: what follows the command, "" for nothing. */
export function slashCommand(question: string): { asked: string; about: string } | undefined {
  const [, name = "", about = ""] = /^\/(\w+)(?:\s+([\s\S]*))?$/.exec(question.trim()) ?? [];
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  return command && { asked: command(about.trim() || "this code"), about: about.trim() };
}
