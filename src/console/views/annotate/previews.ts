import type { LocalDecoder } from "../../decoder/local.ts";
import type { BinaryMask } from "../../../imaging/types.ts";
import { type Answer, predict, type Prompt, type VersionName } from "../../state/predict.ts";
import type { Draft, Sketch } from "../../state/sketch.ts";
import { version } from "../../state/tools.ts";

/** The preview of one place: a mask by the browser alone, or the API's whole answer. */
interface Preview {
  readonly at: readonly [number, number];
  readonly version: VersionName;
  readonly mask: Promise<BinaryMask>;
  /** Null where the browser decodes. */
  readonly answer: Promise<Answer> | null;
  readonly stop: AbortController;
}

/** The masks of the places below the pointer, one at a time. */
export class Previews {
  readonly #sketch: Sketch;
  readonly #local: LocalDecoder;
  readonly #show: (mask: BinaryMask | null) => void;
  #next: readonly [number, number] | null = null;
  #last: Preview | null = null;
  #running = false;
  #closed = false;
  /** Where the preview that was shown last is of, in pixels of the image. */
  at: readonly [number, number] | null = null;

  constructor(sketch: Sketch, local: LocalDecoder, show: (mask: BinaryMask | null) => void) {
    this.#sketch = sketch;
    this.#local = local;
    this.#show = show;
  }

  close(): void {
    this.#closed = true;
    this.#last?.stop.abort();
  }

  wish([x, y]: readonly [number, number]): void {
    const at = [tenth(x), tenth(y)] as const;
    const last = this.#last;
    if (isAt(last, at)) {
      // A hand that presses moves the pointer to where it is already.
      this.#next = null;
      const show = (mask: BinaryMask): void => void (this.#last === last && this.#show(mask));
      last.mask.then(show, () => {});
    } else {
      this.#next = at;
      if (!this.#running) void this.#run();
    }
  }

  /**
   * The preview of what is being asked, done or under way, if that is the last one; it is given away once, because what
   * the API answers can be accepted once. A preview of another place makes room.
   */
  take({ points, box, byHand }: Draft): Pick<Preview, "mask" | "answer"> | null {
    const last = this.#last;
    this.#next = null;
    this.#last = null;
    const [point] = points;
    const same = point?.[2] === 1 && points.length === 1 && !box && !byHand && isAt(last, point);
    if (same) return last;
    last?.stop.abort();
    return null;
  }

  async #run(): Promise<void> {
    this.#running = true;
    for (let at = this.#next; at && !this.#closed; at = this.#next) {
      this.#next = null;
      const preview = this.#start(at);
      this.#last = preview;
      const mask = await preview.mask.catch(() => null);
      // A preview that fails is none: the click will say what is wrong. One that was taken shows as what was clicked.
      if (this.#last !== preview || (this.#next && preview.answer)) continue;
      if (!mask) this.#last = null;
      else {
        this.at = at;
        this.#show(mask);
      }
    }
    this.#running = false;
  }

  #start(at: readonly [number, number]): Preview {
    const [x, y] = at;
    const stop = new AbortController();
    const of = { at, version: version.value, stop };
    if (this.#local.ready === version.value)
      return { ...of, mask: this.#local.decode({ points: [[x, y, 1]], box: null }), answer: null };
    const { projectId, image } = this.#sketch;
    const prompt: Prompt = { points: [[x, y, 1]], box: null, mask: null, byHand: false };
    const answer = predict(projectId, image.id, prompt, { version: version.value, signal: stop.signal });
    return { ...of, answer, mask: answer.then(({ mask }) => mask) };
  }
}

const isAt = (preview: Preview | null, at: ArrayLike<number>): preview is Preview =>
  preview?.version === version.value && preview.at[0] === at[0] && preview.at[1] === at[1];

/** As fine as a click is told. */
export const tenth = (value: number): number => Math.round(value * 10) / 10;
