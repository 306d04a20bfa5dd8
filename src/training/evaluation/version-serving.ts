import type { VersionLatency, VersionServing } from "../../domain/serving.ts";
import type { Serving } from "../../domain/hyperparameters.ts";
import type { Chosen } from "../search/choose.ts";
import type { Sample } from "../data/samples.ts";
import { countedCosts, mostWarm } from "../search/serving.ts";
import type { Settled } from "../focus/settle-focus.ts";

/** What a version costs its callers by count, and what the same fine-tune with the other serving would have brought. */
export function versionServing(
  { serving, other }: Chosen,
  { focus, otherRefine }: Settled,
  samples: readonly Sample[],
): VersionServing {
  const known = other ?? otherRefine;
  return {
    asked: serving,
    counted: countedCosts(samples, focus.zoom, focus.refine),
    givenUp: serving === "interactive" ? known : null,
    interactiveTwin: serving === "best" ? known : null,
  };
}

/** The event that tells how long callers will wait; a warning where that was to be quick and is not. */
export function latencyEvent({ prompts, box, click }: VersionLatency, serving: Serving) {
  const text = ({ warmMs, ratio, coldMs, encodes }: VersionLatency["box"]): string =>
    `${warmMs} ms, ${ratio} times the base's` +
    (encodes > 0 ? `, cold ${coldMs} ms with ${encodes} encodes` : "");
  const slow = serving === "interactive" && Math.max(box.ratio, click.ratio) > mostWarm;
  return {
    level: slow ? ("warn" as const) : ("info" as const),
    message:
      `${slow ? `Slower than the ${mostWarm} times the base's that interactive versions are chosen for: a` : "A"} ` +
      `box takes ${text(box)}; a click ${text(click)} (medians over ${prompts} held-out prompts)`,
    data: {
      box_warm_ms: box.warmMs,
      box_base_warm_ms: box.baseWarmMs,
      box_cold_ms: box.coldMs,
      click_warm_ms: click.warmMs,
      click_base_warm_ms: click.baseWarmMs,
      click_cold_ms: click.coldMs,
    },
  };
}
