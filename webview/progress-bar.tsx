import { bytes, count, timeLeft } from "./format.ts";
import { t } from "./l10n.ts";
import type { Meter } from "./protocol/messages.ts";

/** A bar with how far, how fast and how long: "42 % · 1,240 tokens/s · 2 min left". */
export function ProgressBar({ meter }: { meter: Meter }) {
  const percent = meter.total > 0 ? Math.min(100, (100 * meter.done) / meter.total) : undefined;
  return (
    <div class="progress">
      <div
        class={`progress-track${percent === undefined ? " indeterminate" : ""}`}
        role="progressbar"
        aria-label={phaseLabel(meter)}
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
  const labels: Record<Meter["phase"], string> = {
    download: t("Downloading the model"),
    convert: t("Preparing the model"),
    ingest: t("Reading"),
    train: t("Learning to look up"),
  };
  return labels[phase];
}

function figures({ done, total, unit, rate, secondsLeft }: Meter, percent: number | undefined): string[] {
  const amount = unit === "bytes" ? bytes : count;
  const parts = [percent === undefined ? amount(done) : `${Math.floor(percent)} %`];
  if (total > 0 && unit !== "steps")
    parts.push(
      unit === "tokens"
        ? t("{0} of {1} tokens", amount(done), amount(total))
        : t("{0} of {1}", amount(done), amount(total)),
    );
  if (rate > 0 && unit !== "steps") parts.push(unit === "bytes" ? `${bytes(rate)}/s` : `${count(rate)}/s`);
  if (secondsLeft !== undefined) parts.push(t("{0} left", timeLeft(secondsLeft)));
  return parts;
}
