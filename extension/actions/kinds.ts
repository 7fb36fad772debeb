import * as vscode from "vscode";

const rewrite = vscode.CodeActionKind.RefactorRewrite.append("repoMemory");

/** The kind of each code action: users bind keys to them and filter by them. */
export const KINDS = {
  explain: rewrite.append("explain"),
  document: rewrite.append("document"),
  tests: rewrite.append("tests"),
  likeTheRest: rewrite.append("likeTheRest"),
  similar: rewrite.append("similar"),
  fix: vscode.CodeActionKind.QuickFix.append("repoMemory").append("fix"),
} as const;
