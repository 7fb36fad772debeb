import * as vscode from "vscode";
import type { Host } from "../host.ts";
import { reporting } from "../status/report-error.ts";
import { registerCodeActions } from "./code-action-provider.ts";
import { document } from "./document-action.ts";
import { fix } from "./fix-action.ts";
import { type ActionPlace, actionPlace } from "./place.ts";
import { registerProposals } from "./proposals.ts";
import { findSimilar, makeLikeTheRest } from "./similar-actions.ts";
import { writeTests } from "./tests-action.ts";

type Action = (place: ActionPlace, ...more: unknown[]) => Promise<void>;

/** What the code actions run; from the palette they take the active editor's place. */
const actions: Record<string, Action> = {
  "repoMemory.fix": fix,
  "repoMemory.document": document,
  "repoMemory.writeTests": writeTests,
  "repoMemory.likeTheRest": makeLikeTheRest,
  "repoMemory.findSimilar": findSimilar,
};

/** Registers the code actions and the commands behind them. */
export function registerActions(host: Host): vscode.Disposable {
  const commands = Object.entries(actions).map(([id, action]) =>
    vscode.commands.registerCommand(id, (uri?: unknown, range?: unknown, ...more: unknown[]) =>
      reporting(host, async () => {
        const place = await actionPlace(host, uri, range);
        if (place) await action(place, ...more);
      }),
    ),
  );
  return vscode.Disposable.from(registerCodeActions(host), registerProposals(), ...commands);
}
