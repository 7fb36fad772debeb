/** What benchmarks and evaluations share when they ask questions. */
import type { AnswerEvent, CallContext } from "../../engine/protocol/requests.ts";

/** The whole answer of one question. */
export async function lastAnswer(events: AsyncIterable<AnswerEvent>): Promise<string> {
  let text = "";
  for await (const event of events) if (event.type === "end") text = event.result.answer;
  return text;
}

/** A context for long calls that tells each tenth of the work. */
export function tellingContext(tell: (text: string) => void): CallContext {
  let told = "";
  const onProgress: CallContext["onProgress"] = ({ phase, done, total }) => {
    const text = `${phase} ${Math.floor((10 * done) / Math.max(1, total)) * 10} %`;
    if (text !== told) tell(text);
    told = text;
  };
  return { signal: new AbortController().signal, onProgress };
}
