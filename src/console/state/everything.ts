import { batch, computed, signal } from "@preact/signals";
import { boxOf } from "../../imaging/geometry.ts";
import { iou } from "../../imaging/metrics.ts";
import { decodeRle } from "../../imaging/rle.ts";
import type { BinaryMask } from "../../imaging/types.ts";
import { api } from "../api/client.ts";
import type { Segmentation } from "../api/types.ts";
import { type LoggedMask, emptyDraft, type Sketch } from "./sketch.ts";
import { toast } from "./toasts.ts";
import { version } from "./tools.ts";

/** A mask that the model found without a prompt. */
export interface Candidate {
  readonly mask: BinaryMask;
  readonly score: number;
  /** Foreground pixels. */
  readonly area: number;
  /** Which mask of which answer: what is accepted goes back as feedback. */
  readonly from: LoggedMask;
}

/** With a grid this fine, objects a sixteenth of the image wide are surely hit, and an image takes seconds, not a minute. */
const pointsPerSide = 16;
/** What overlaps a saved object so much is that object. */
const sameIou = 0.8;

/** All that the model finds on an image, to be accepted or left out one by one. */
export class Everything {
  readonly #sketch: Sketch;
  #asking: AbortController | null = null;
  readonly running = signal(false);
  /** Those that nobody has judged yet; null where nothing has been looked for. */
  readonly left = signal<readonly Candidate[] | null>(null);
  readonly found = signal(0);
  readonly open = computed(() => (this.left.value?.length ?? 0) > 0);

  constructor(sketch: Sketch) {
    this.#sketch = sketch;
  }

  /** Looks for everything, and shows the first. Throws MaskwrightError. */
  async start(): Promise<void> {
    if (this.running.value) return;
    const asking = new AbortController();
    this.#asking = asking;
    this.running.value = true;
    try {
      const { projectId, image } = this.#sketch;
      const body = { image: { id: image.id }, points_per_side: pointsPerSide, version: version.value };
      const path = `/v1/projects/${projectId}/segment-everything`;
      const answer = await api.post<Segmentation>(path, body, asking.signal);
      this.#take(answer);
    } catch (error) {
      if (!asking.signal.aborted) throw error;
    } finally {
      this.running.value = false;
    }
  }

  #take({ id, results }: Segmentation): void {
    const saved = this.#sketch.instances.value;
    const fresh = (results[0]?.masks ?? [])
      .map((found, prompt): Candidate => {
        const { score, area } = found;
        return { mask: decodeRle(found), score, area, from: { id, prompt } };
      })
      .filter(({ mask }) => !saved.some((one) => overlaps(one.mask, mask) && iou(one.mask, mask) > sameIou));
    // What fills most of the image is its background more often than an object. Sorting keeps the order of the others.
    const half = (this.#sketch.image.width * this.#sketch.image.height) / 2;
    fresh.sort((a, b) => Number(a.area > half) - Number(b.area > half));
    batch(() => {
      this.found.value = fresh.length;
      this.left.value = fresh;
      if (fresh.length === 0) toast("Nothing was found that is not saved already.");
      this.#showNext();
    });
  }

  /** Ends the search, or the choice among what it found. */
  close(): void {
    this.#asking?.abort();
    this.left.value = null;
  }

  /** Leaves the candidate out that is shown. */
  skip(): void {
    this.judged(this.#sketch.draft.value.candidate);
  }

  /** A candidate is done with, and the next one is shown. */
  judged(mask: BinaryMask | null): void {
    if (!this.left.value) return;
    batch(() => {
      this.left.value = this.left.value?.filter((one) => one.mask !== mask) ?? null;
      this.#showNext();
    });
  }

  /** Shows the smallest candidate at a pixel. False where there is none but the one that is shown. */
  pick(x: number, y: number): boolean {
    const at = ({ mask }: Candidate): boolean =>
      mask.data[Math.floor(y) * mask.width + Math.floor(x)] === 1 &&
      mask !== this.#sketch.draft.value.candidate;
    const [first] = (this.left.value ?? []).filter(at).toSorted((a, b) => a.area - b.area);
    if (first) this.#show(first);
    return first !== undefined;
  }

  #showNext(): void {
    const [next] = this.left.value ?? [];
    if (next) this.#show(next);
    else this.#sketch.clear();
  }

  #show({ mask, score, from }: Candidate): void {
    this.#sketch.draw({ ...emptyDraft, mask, score, prediction: from, candidate: mask });
  }
}

function overlaps(a: BinaryMask, b: BinaryMask): boolean {
  const [[ax0, ay0, ax1, ay1], [bx0, by0, bx1, by1]] = [boxOf(a), boxOf(b)];
  return ax0 < bx1 && bx0 < ax1 && ay0 < by1 && by0 < ay1;
}
