import { batch, computed, signal } from "@preact/signals";
import { boxOf } from "../../imaging/geometry.ts";
import { iou } from "../../imaging/metrics.ts";
import { decodeRle } from "../../imaging/rle.ts";
import type { BinaryMask } from "../../imaging/types.ts";
import { api } from "../api/client.ts";
import type { Box, PredictedMask, Prediction, Segmentation, Version } from "../api/types.ts";
import { type LoggedMask, emptyDraft, type Sketch } from "./sketch.ts";
import { toast } from "./toasts.ts";
import type { VersionName } from "./predict.ts";
import { version } from "./tools.ts";

/** A mask that the model found without a prompt. */
export interface Candidate {
  readonly mask: BinaryMask;
  readonly score: number;
  /** Foreground pixels. */
  readonly area: number;
  readonly box: Box;
  /** What a found object is, and how sure that is, in [0, 1]; missing for a mask of segment-everything. */
  readonly found?: { readonly label: string | null; readonly score: number };
  /** Which mask of which answer: what is accepted goes back as feedback. */
  readonly from: LoggedMask;
}

/** With a grid this fine, objects a sixteenth of the image wide are surely hit, and an image takes seconds, not a minute. */
const pointsPerSide = 16;
/** All that the API gives at a time. */
const mostObjects = 500;
/** What overlaps a saved object so much is that object. */
const sameIou = 0.8;

/** What is looked for: all there is, the objects that the version was taught, or those that are like a saved one. */
export type Sought = "everything" | "objects" | "similar objects";

/** All that the model finds on an image, to be accepted or left out one by one. */
export class Everything {
  readonly #sketch: Sketch;
  #asking: AbortController | null = null;
  readonly running = signal(false);
  readonly what = signal<Sought>("everything");
  /** Those that nobody has judged yet; null where nothing has been looked for. */
  readonly left = signal<readonly Candidate[] | null>(null);
  readonly found = signal(0);
  readonly open = computed(() => (this.left.value?.length ?? 0) > 0);
  /** The one that is being looked at. */
  readonly shown = computed(() => {
    const { candidate } = this.#sketch.draft.value;
    return this.left.value?.find(({ mask }) => mask === candidate) ?? null;
  });

  constructor(sketch: Sketch) {
    this.#sketch = sketch;
  }

  /** Looks for everything, and shows the first. Throws MaskwrightError. */
  start(): Promise<void> {
    return this.#look("everything", async (path, asked, until) => {
      const body = { ...asked, points_per_side: pointsPerSide };
      const { id, results } = await api.post<Segmentation>(`${path}/segment-everything`, body, until);
      const all = (results[0]?.masks ?? []).map((mask, prompt) => candidate(mask, { id, prompt }));
      // What fills most of the image is its background more often than an object. Sorting keeps the order of the others.
      const half = (this.#sketch.image.width * this.#sketch.image.height) / 2;
      return all.sort((a, b) => Number(a.area > half) - Number(b.area > half));
    });
  }

  /** Looks for the objects that the version was taught, and shows the surest. Throws MaskwrightError. */
  find(): Promise<void> {
    return this.#look("objects", async (path, asked, until) => {
      const body = { ...asked, find: true, max_objects: mostObjects };
      const { id, results } = await api.post<Prediction>(`${path}/predict`, body, until);
      return candidates(id, results[0]?.found);
    });
  }

  /** Looks for objects that are like one that is saved, and shows the most alike. Throws MaskwrightError. */
  like(annotation: string): Promise<void> {
    return this.#look("similar objects", async (path, asked, until) => {
      const body = { ...asked, prompts: [{ like: { annotation } }], max_objects: mostObjects };
      const { id, results } = await api.post<Prediction>(`${path}/predict`, body, until);
      return candidates(id, results[0]?.predictions[0]);
    });
  }

  async #look(
    what: Sought,
    ask: (path: string, asked: object, until: AbortSignal) => Promise<Candidate[]>,
  ): Promise<void> {
    if (this.running.value) return;
    const asking = new AbortController();
    this.#asking = asking;
    this.running.value = true;
    this.what.value = what;
    try {
      const { projectId, image } = this.#sketch;
      const asked = { image: { id: image.id }, version: version.value };
      this.#take(await ask(`/v1/projects/${projectId}`, asked, asking.signal));
    } catch (error) {
      if (!asking.signal.aborted) throw error;
    } finally {
      this.running.value = false;
    }
  }

  #take(all: readonly Candidate[]): void {
    const saved = this.#sketch.instances.value;
    const fresh = all.filter(
      ({ mask }) => !saved.some((one) => overlaps(one.mask, mask) && iou(one.mask, mask) > sameIou),
    );
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

  #show({ mask, score, from, found }: Candidate): void {
    if (found) this.#sketch.label.value = found.label ?? "";
    this.#sketch.draw({ ...emptyDraft, mask, score, prediction: from, candidate: mask });
  }
}

const candidate = (one: PredictedMask, from: LoggedMask): Candidate => ({
  mask: decodeRle(one),
  score: one.score,
  area: one.area,
  box: one.bbox,
  ...(one.label_score !== undefined && { found: { label: one.label ?? null, score: one.label_score } }),
  from,
});

/** The answer to the only thing that was asked for. */
function candidates(id: string, found: Prediction["results"][number]["found"]): Candidate[] {
  if (found?.left_out) toast(`The ${mostObjects} surest are shown; ${found.left_out} more were found.`);
  return (found?.masks ?? []).map((one, mask) => candidate(one, { id, prompt: 0, mask }));
}

/** What a found object is and how sure that is, in a few characters. */
export const saidOf = ({ label, score }: NonNullable<Candidate["found"]>): string =>
  `${label ?? "object"} ${score.toFixed(2)}`;

function overlaps(a: BinaryMask, b: BinaryMask): boolean {
  const [[ax0, ay0, ax1, ay1], [bx0, by0, bx1, by1]] = [boxOf(a), boxOf(b)];
  return ax0 < bx1 && bx0 < ax1 && ay0 < by1 && by0 < ay1;
}

/** Whether a version finds its objects by itself; `live` is the project's. */
export function canFind(
  versions: readonly Pick<Version, "number" | "finder">[],
  chosen: VersionName,
  live: number | null,
): boolean {
  const number = chosen === "active" ? live : chosen;
  return versions.some((one) => one.number === number && one.finder !== null);
}
