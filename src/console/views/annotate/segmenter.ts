import { effect } from "@preact/signals";
import type { BinaryMask } from "../../../imaging/types.ts";
import { predict } from "../../state/predict.ts";
import type { Draft, Sketch } from "../../state/sketch.ts";
import { toast } from "../../state/toasts.ts";
import { version } from "../../state/tools.ts";
import { messageOf } from "../../state/text.ts";
import { LocalDecoder } from "../../decoder/local.ts";

/** Asks for masks: of clicks at once, of the place below the pointer when there is nothing else to do. */
export class Segmenter {
  readonly #sketch: Sketch;
  readonly #show: (mask: BinaryMask | null) => void;
  readonly #local: LocalDecoder;
  #asking: AbortController | null = null;
  #previewing = false;
  /** Where the last preview is of, in pixels of the image. */
  previewed: readonly [number, number] | null = null;
  #next: [number, number] | null = null;
  readonly #unwatch: () => void;
  #closed = false;

  constructor(sketch: Sketch, show: (mask: BinaryMask | null) => void) {
    this.#sketch = sketch;
    this.#show = show;
    this.#local = new LocalDecoder(sketch.projectId, sketch.image, sketch.live);
    this.#unwatch = effect(() => this.#local.prepare(version.value));
  }

  close(): void {
    this.#closed = true;
    this.#asking?.abort();
    this.#unwatch();
    this.#local.close();
  }

  /** Resolves with true once the sketch has the mask; a newer question ends an older one. */
  async ask(draft: Draft): Promise<boolean> {
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    this.#next = null;
    try {
      const answer = await predict(this.#sketch.projectId, this.#sketch.image.id, draft, {
        version: version.value,
        signal: asking.signal,
      });
      this.#sketch.answer(draft, answer);
      return true;
    } catch (error) {
      if (!asking.signal.aborted) toast(messageOf(error), { bad: true });
      return false;
    }
  }

  /** What a click at `at` would give, as soon as nothing else is under way; only the last place counts. */
  preview(at: [number, number]): void {
    this.#next = [Math.round(at[0] * 10) / 10, Math.round(at[1] * 10) / 10];
    if (!this.#previewing) void this.#previews();
  }

  async #previews(): Promise<void> {
    this.#previewing = true;
    try {
      for (let at = this.#next; at && !this.#closed; at = this.#next) {
        this.#next = null;
        const mask = await this.#previewAt(at);
        if (this.#next && this.#local.ready === null) continue;
        this.previewed = at;
        this.#show(mask);
      }
    } catch {
      // A preview that fails is none: the click will say what is wrong.
    } finally {
      this.#previewing = false;
    }
  }

  async #previewAt([x, y]: [number, number]): Promise<BinaryMask> {
    if (this.#local.ready === version.value) return this.#local.decode(x, y);
    const draft: Pick<Draft, "points" | "box" | "mask" | "byHand"> = {
      points: [[x, y, 1]],
      box: null,
      mask: null,
      byHand: false,
    };
    const { projectId, image } = this.#sketch;
    return (await predict(projectId, image.id, draft, { version: version.value })).mask;
  }

  /** Where the previews come from; the stage says so, for those who measure. */
  get previewsFrom(): "browser" | "server" {
    return this.#local.ready === version.value ? "browser" : "server";
  }
}
