import { nextFrame } from "../../canvas/frame.ts";
import type { BinaryMask } from "../../../imaging/types.ts";
import type { Draft, Sketch } from "../../state/sketch.ts";
import type { Asked, Segmenter } from "./segmenter.ts";

/** How long one click took from the hand to the eye: to the frame that shows its mask, and whose mask that was. */
interface Latency {
  readonly ms: number;
  readonly from: "browser" | "server";
  /** Milliseconds of these in the server. */
  readonly serverMs?: number;
}

/** Brings the masks of clicks and boxes into the sketch. */
export class Answers {
  readonly #sketch: Sketch;
  readonly #segmenter: Segmenter;
  /** Latencies of every question so far; the tests read them. */
  readonly latencies: Latency[] = [];

  constructor(sketch: Sketch, segmenter: Segmenter) {
    this.#sketch = sketch;
    this.#segmenter = segmenter;
  }

  /** @param time when the hand let go, on the clock of `performance.now()` */
  ask(draft: Draft, time: number): void {
    // The question is on its way before anything is drawn.
    const asked = this.#segmenter.ask(draft);
    this.#sketch.draw(draft);
    this.#sketch.settling = this.#settle(draft, asked, time);
  }

  /** Shows what comes first, and in the end what the API says. */
  async #settle(draft: Draft, { early, answer }: Asked, time: number): Promise<void> {
    let shown: Draft | null = draft;
    const showEarly = async (mask: Promise<BinaryMask>): Promise<void> => {
      const own = await mask.catch(() => null);
      if (!own || shown !== draft) return;
      shown = this.#sketch.answer(draft, { mask: own });
      if (shown) await this.#seen({ from: "browser" }, time);
    };
    if (early) void showEarly(early);
    const got = await answer;
    if (!got || !shown) return;
    const first = shown === draft;
    shown = this.#sketch.answer(shown, got);
    if (first && shown) void this.#seen({ from: "server", serverMs: got.serverMs }, time);
  }

  async #seen(whose: Omit<Latency, "ms">, time: number): Promise<void> {
    await nextFrame();
    this.latencies.push({ ms: performance.now() - time, ...whose });
  }
}
