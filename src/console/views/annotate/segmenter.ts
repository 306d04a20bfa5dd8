import { effect } from "@preact/signals";
import { LocalDecoder } from "../../decoder/local.ts";
import type { BinaryMask } from "../../../imaging/types.ts";
import { api } from "../../api/client.ts";
import type { Box } from "../../api/types.ts";
import { type Answer, predict } from "../../state/predict.ts";
import type { Draft, Sketch } from "../../state/sketch.ts";
import { messageOf } from "../../state/text.ts";
import { toast } from "../../state/toasts.ts";
import { version } from "../../state/tools.ts";
import { Previews } from "./previews.ts";

/** A click's mask on its way to the sketch. */
export interface Asked {
  /** What the browser knows or decodes by itself, until the API's answer takes its place. */
  readonly early: Promise<BinaryMask> | null;
  /** Null once a newer question has ended this one, or the API has said no and a toast why. */
  readonly answer: Promise<Answer | null>;
}

/** A hand that draws a box has nearly ended where it rests so long. */
const restMs = 120;

/** Asks for masks: of clicks at once, of the place below the pointer when there is nothing else to do. */
export class Segmenter {
  readonly #sketch: Sketch;
  readonly #local: LocalDecoder;
  readonly #previews: Previews;
  readonly #unwatch: () => void;
  #asking: AbortController | null = null;
  #rest: ReturnType<typeof setTimeout> | undefined;

  constructor(sketch: Sketch, show: (mask: BinaryMask | null) => void) {
    this.#sketch = sketch;
    this.#local = new LocalDecoder(sketch.projectId, sketch.image, sketch.live);
    this.#previews = new Previews(sketch, this.#local, show);
    this.#unwatch = effect(() => this.#local.prepare(version.value));
  }

  close(): void {
    clearTimeout(this.#rest);
    this.#asking?.abort();
    this.#unwatch();
    this.#previews.close();
    this.#local.close();
  }

  /** What a click at `at` would give, as soon as nothing else is under way; only the last place counts. */
  preview(at: readonly [number, number]): void {
    this.#previews.wish(at);
  }

  /** A box that is still being drawn: where it rests, the window that it will most likely want is encoded. */
  expect(box: Box): void {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => {
      const { projectId, image } = this.#sketch;
      const body = { image: { id: image.id }, version: version.value, prompts: [{ box }] };
      // Where it fails, the question itself will say why.
      api.post(`/v1/projects/${projectId}/prewarm`, body).catch(() => {});
    }, restMs);
  }

  /** Where the last preview is of, in pixels of the image. */
  get previewed(): readonly [number, number] | null {
    return this.#previews.at;
  }

  /** Where the previews come from; the stage says so, for those who measure. */
  get previewsFrom(): "browser" | "server" {
    return this.#local.ready === version.value ? "browser" : "server";
  }

  /** Asks at once; a newer question ends an older one. The API's answer to a preview of the same place is an answer. */
  ask(draft: Draft): Asked {
    clearTimeout(this.#rest);
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    const known = this.#previews.take(draft);
    const { projectId, image } = this.#sketch;
    const answered =
      known?.answer ?? predict(projectId, image.id, draft, { version: version.value, signal: asking.signal });
    const early = known ? (known.answer ? null : known.mask) : this.#early(draft);
    return { early, answer: this.#unlessEnded(answered, asking.signal) };
  }

  async #unlessEnded(answered: Promise<Answer>, ended: AbortSignal): Promise<Answer | null> {
    try {
      const answer = await answered;
      return ended.aborted ? null : answer;
    } catch (error) {
      if (!ended.aborted) toast(messageOf(error), { bad: true });
      return null;
    }
  }

  #early({ points, box, byHand, mask }: Draft): Promise<BinaryMask> | null {
    const may = this.#local.ready === version.value && !(byHand && mask);
    return may ? this.#local.decode({ points, box }) : null;
  }
}
