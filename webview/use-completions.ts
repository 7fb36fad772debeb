import { useEffect, useRef, useState } from "preact/hooks";
import type { Completion } from "./completion-list.tsx";
import { commands, describe, GENERAL, triggerBefore, wording } from "./mentions.ts";
import type { Mention } from "./protocol/turn.ts";
import type { ViewState } from "./state.ts";
import { dispatch } from "./store.ts";
import { send } from "./vscode-api.ts";

interface Field {
  text: string;
  /** The cursor's place in it. */
  caret: number;
  /** Puts another text into the field, with the cursor at `caret`. */
  replace: (text: string, caret: number) => void;
}

let lastRequest = 0;

/** What can be completed at the cursor, and the keys that choose among it. */
export function useCompletions({ text, caret, replace }: Field, found: ViewState["completions"]) {
  const [chosen, setChosen] = useState(0);
  const [dismissed, setDismissed] = useState<string>();
  const asked = useRef<{ request: number; query: string }>(undefined);
  const before = text.slice(0, caret);
  const trigger = before === dismissed ? undefined : triggerBefore(before);
  const query = trigger?.kind === "mention" ? trigger.query : undefined;
  useEffect(() => {
    setChosen(0);
    if (query === undefined) return;
    asked.current = { request: ++lastRequest, query };
    send({ type: "complete", request: lastRequest, query });
  }, [query]);
  const put = (words: string) => {
    if (!trigger) return;
    replace(before.slice(0, trigger.start) + words + text.slice(caret), trigger.start + words.length);
  };
  const mention = (each: Mention): Completion => ({
    ...describe(each),
    key: JSON.stringify(each),
    choose: () => {
      dispatch({ type: "mention", mentions: [each] });
      put(wording(each));
    },
  });
  // What was found for other letters could be chosen by who types on.
  const isOfQuery = asked.current?.query === query && asked.current?.request === found.request;
  const looked = isOfQuery ? found.mentions : [];
  const completions =
    trigger?.kind === "command"
      ? commandsFor(trigger.query).map((each) => ({ ...each, choose: () => put(`${each.name} `) }))
      : trigger
        ? inOrder(trigger.query, looked).map(mention)
        : [];
  const at = Math.min(chosen, completions.length - 1);
  /** True where the key was for the list. */
  const onKey = ({ key, isComposing }: KeyboardEvent): boolean => {
    if (completions.length === 0 || isComposing) return false;
    const { length } = completions;
    if (key === "ArrowDown") setChosen((at + 1) % length);
    else if (key === "ArrowUp") setChosen((at + length - 1) % length);
    else if (key === "Escape") setDismissed(before);
    else if (key === "Enter" || key === "Tab") completions[at]?.choose();
    else return false;
    return true;
  };
  return { completions, chosen: at, onKey };
}

/** What is there at once comes first where letters ask for it: nothing that is looked up moves it from under the cursor. */
function inOrder(query: string, looked: readonly Mention[]): Mention[] {
  return query === "" ? [...looked, ...general(query)] : [...general(query), ...looked];
}

function general(query: string): Mention[] {
  return GENERAL.filter((mention) => describe(mention).name.toLowerCase().includes(query.toLowerCase()));
}

function commandsFor(query: string): Omit<Completion, "choose">[] {
  const fitting = commands().filter(({ name }) => name.startsWith(`/${query}`));
  return fitting.map(({ name, detail }) => ({ key: name, icon: "terminal", name, detail }));
}
