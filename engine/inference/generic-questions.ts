/** Questions about nothing in particular: what a block scores on them is what it scores on anything. */
export const GENERIC_QUESTIONS = [
  "What does this project do?",
  "Where is the main function defined?",
  "Which file contains the tests?",
  "How is an error handled?",
  "What is the default value?",
  "What does this class represent?",
  "Which function is called first?",
  "How do I run it?",
];
