import { bytes, count, timeLeft } from "./format.ts";
import type { Meter } from "./protocol/messages.ts";

const LABELS: Record<Meter["phase"], string> = {
  download: "Downloading the model",
  convert: "Preparing the model",
  ingest: "Reading",
  train: "Learning to look up",
};

/** A bar with how far, how fast and how long: "42 % · 1,240 tokens/s · 2 min left". */
export function ProgressBar({ meter }: { meter: Meter }) {
  const percent = meter.total > 0 ? Math.min(100, (100 * meter.done) / meter.total) : undefined;
  return (
    <div class="progress">
      <div
        class={`progress-track${percent === undefined ? " indeterminate" : ""}`}
        role="progressbar"
        aria-label={LABELS[meter.phase]}
        {...(percent !== undefined && {
          "aria-valuenow": Math.round(percent),
          "aria-valuemin": 0,
          "aria-valuemax": 100,
        })}
      >
        {/* A width of its own is set by script: the page's policy forbids style attributes. */}
        <div
          class="progress-fill"
          ref={(bar) => void (bar && percent !== undefined && (bar.style.width = `${percent}%`))}
        />
      </div>
      <div class="progress-text">{figures(meter, percent).join(" · ")}</div>
    </div>
  );
}

/** What a long piece of work is called. */
export function phaseLabel({ phase }: Meter): string {
  return LABELS[phase];
}

function figures({ done, total, unit, rate, secondsLeft }: Meter, percent: number | undefined): string[] {
  const amount = unit === "bytes" ? bytes : count;
  const parts = [percent === undefined ? amount(done) : `${Math.floor(percent)} %`];
  if (total > 0 && unit !== "steps")
    parts.push(`${amount(done)} of ${amount(total)}${unit === "tokens" ? " tokens" : ""}`);
  if (rate > 0 && unit !== "steps") parts.push(unit === "bytes" ? `${bytes(rate)}/s` : `${count(rate)}/s`);
  if (secondsLeft !== undefined) parts.push(`${timeLeft(secondsLeft)} left`);
  return parts;
}
