import { MaskwrightError } from "../../client/errors.ts";
import { batch, computed, signal } from "@preact/signals";
import { encodeRle, decodeRle } from "../../imaging/rle.ts";
import { areaOf } from "../../imaging/geometry.ts";
import type { BinaryMask } from "../../imaging/types.ts";
import { all, api } from "../api/client.ts";
import type { Annotation, Box, Image, Point, Proposal } from "../api/types.ts";
import { keepCorrected } from "./keep-corrected.ts";

/** A logged prediction and which of its prompts; of segment-everything, which of its masks. */
export interface LoggedMask {
  readonly id: string;
  readonly prompt: number;
  /** Which of the objects that were found for the prompt. */
  readonly mask?: number;
}

/** What is being drawn: prompts, and the mask that they or the hand made. Never changed in place. */
export interface Draft {
  readonly points: readonly Point[];
  readonly box: Box | null;
  readonly mask: BinaryMask | null;
  readonly score: number | null;
  /** Corrected by hand since the last prediction, which then starts from this mask. */
  readonly byHand: boolean;
  /** The last one that it came from: what is accepted of it goes back as feedback. */
  readonly prediction: LoggedMask | null;
  /** The annotation that it takes the place of. */
  readonly replaces: string | null;
  /** The mask that the model found without a prompt, and that it began as. */
  readonly candidate: BinaryMask | null;
}

export interface Instance {
  readonly id: string;
  readonly label: string | null;
  readonly mask: BinaryMask;
  /** Foreground pixels. */
  readonly area: number;
  readonly colour: number;
}

type Step =
  | { readonly kind: "draft"; readonly before: Draft; readonly after: Draft }
  | {
      readonly kind: "accept";
      readonly before: Draft;
      readonly added: Instance;
      readonly gone: Instance | null;
      /** What it was drawn for. */
      readonly proposal: Proposal | null;
    }
  | { readonly kind: "remove"; readonly gone: Instance };

export const emptyDraft: Draft = {
  points: [],
  box: null,
  mask: null,
  score: null,
  byHand: false,
  prediction: null,
  replaces: null,
  candidate: null,
};

/** Masks of past steps are kept up to so many bytes; then the oldest go. */
const historyBytes = 256 * 1024 * 1024;

/** One image under annotation: what is saved, what is being drawn, and the way back. */
export class Sketch {
  readonly projectId: string;
  readonly image: Image;
  /** The project's live version; null is the base. */
  readonly live: number | null;
  readonly instances = signal<readonly Instance[]>([]);
  readonly draft = signal<Draft>(emptyDraft);
  readonly label = signal("");
  readonly busy = signal(false);
  /** What a version proposed here, until what is drawn is accepted in its place. */
  readonly correcting = signal<Proposal | null>(null);
  /** What was asked last: ends when the API's mask is in the draft, or isn't to come. It never rejects. */
  settling: Promise<unknown> | null = null;
  readonly #past = signal<readonly Step[]>([]);
  readonly #future = signal<readonly Step[]>([]);
  #colours = 0;
  readonly canUndo = computed(() => this.#past.value.length > 0);
  readonly canRedo = computed(() => this.#future.value.length > 0);
  readonly hasDraft = computed(() => this.draft.value !== emptyDraft && this.draft.value.mask !== null);

  constructor(projectId: string, image: Image, live: number | null) {
    this.live = live;
    this.projectId = projectId;
    this.image = image;
  }

  get #path(): string {
    return `/v1/projects/${this.projectId}/annotations`;
  }

  async load(): Promise<void> {
    const rows = await all<Annotation>(`${this.#path}?image_id=${this.image.id}`);
    this.#colours = 0;
    this.instances.value = rows.toReversed().map((row) => this.#instanceOf(row));
  }

  #instanceOf(row: Annotation): Instance {
    return {
      id: row.id,
      label: row.label,
      mask: decodeRle(row.mask),
      area: row.area,
      colour: ++this.#colours,
    };
  }

  /** The next state of what is being drawn, with a way back. */
  draw(after: Draft): void {
    const before = this.draft.value;
    batch(() => {
      this.draft.value = after;
      this.#remember({ kind: "draft", before, after });
    });
  }

  /**
   * The answer to the prompts that `draw` put there: one step together with them, so no step of its own. An early one
   * without score and id is answered once more. Returns the draft with it, null where another has come meanwhile.
   */
  answer(
    to: Draft,
    { mask, score = null, id = null }: { mask: BinaryMask; score?: number | null; id?: string | null },
  ): Draft | null {
    if (this.draft.value !== to) return null;
    const prediction = id === null ? null : { id, prompt: 0 };
    const after = { ...to, mask, score, byHand: false, prediction };
    batch(() => {
      this.draft.value = after;
      const last = this.#past.value.at(-1);
      if (last?.kind === "draft" && last.after === to)
        this.#past.value = [...this.#past.value.slice(0, -1), { ...last, after }];
    });
    return after;
  }

  #remember(step: Step): void {
    let steps = [...this.#past.value, step];
    const size = this.image.width * this.image.height;
    const most = Math.max(10, Math.floor(historyBytes / size));
    if (steps.length > most) steps = steps.slice(-most);
    this.#past.value = steps;
    this.#future.value = [];
  }

  /** Saves what is drawn as an annotation, once the API has said its part to it. Null: nothing was. Throws MaskwrightError. */
  async accept(): Promise<Draft | null> {
    await this.settling;
    const before = this.draft.value;
    if (!before.mask || areaOf(before.mask) === 0 || this.busy.value) return null;
    await this.#busily(async () => {
      const gone = this.instances.value.find(({ id }) => id === before.replaces) ?? null;
      const label = this.label.value.trim() || null;
      const proposal = gone ? null : this.correcting.value;
      const given = { label, colour: gone?.colour, proposal };
      const added = await this.#keep(before, before.mask as BinaryMask, given);
      if (gone) await this.#drop(gone);
      batch(() => {
        this.draft.value = emptyDraft;
        if (proposal) this.correcting.value = null;
        this.#remember({ kind: "accept", before, added, gone, proposal });
      });
    });
    return before;
  }

  async remove(instance: Instance): Promise<void> {
    await this.#busily(async () => {
      await this.#drop(instance);
      if (this.draft.value.replaces === instance.id) this.draft.value = emptyDraft;
      this.#remember({ kind: "remove", gone: instance });
    });
  }

  /** Takes a saved annotation up again. */
  edit(instance: Instance): void {
    this.label.value = instance.label ?? "";
    this.draw({ ...emptyDraft, mask: instance.mask, byHand: true, replaces: instance.id });
  }

  /** Starts from what a version proposed: whatever is accepted next takes its place. */
  correct(proposal: Proposal): void {
    this.correcting.value = proposal;
    this.label.value = proposal.label ?? "";
    const mask = decodeRle(proposal.mask);
    this.draw({ ...emptyDraft, mask, byHand: true, candidate: mask });
  }

  clear(): void {
    if (this.draft.value !== emptyDraft) this.draw(emptyDraft);
  }

  async undo(): Promise<void> {
    const step = this.#past.value.at(-1);
    if (!step || this.busy.value) return;
    await this.#busily(async () => {
      let back = step;
      if (step.kind === "draft") this.draft.value = step.before;
      else if (step.kind === "remove") {
        const again = await this.#add(step.gone.mask, step.gone.label, step.gone.colour);
        back = { kind: "remove", gone: again };
      } else {
        await this.#drop(step.added);
        const again = step.gone && (await this.#add(step.gone.mask, step.gone.label, step.gone.colour));
        const before = { ...step.before, replaces: again?.id ?? null };
        this.label.value = step.added.label ?? "";
        this.draft.value = before;
        if (step.proposal) this.correcting.value = step.proposal;
        back = { ...step, before, gone: again };
      }
      this.#past.value = this.#past.value.slice(0, -1);
      this.#future.value = [...this.#future.value, back];
    });
  }

  async redo(): Promise<void> {
    const step = this.#future.value.at(-1);
    if (!step || this.busy.value) return;
    await this.#busily(async () => {
      let done = step;
      if (step.kind === "draft") this.draft.value = step.after;
      else if (step.kind === "remove") await this.#drop(step.gone);
      else {
        const { mask, label, colour } = step.added;
        const { proposal } = step;
        const added = await this.#keep(step.before, mask, { label, colour, proposal });
        if (step.gone) await this.#drop(step.gone);
        this.draft.value = emptyDraft;
        if (proposal) this.correcting.value = null;
        done = { ...step, added };
      }
      this.#future.value = this.#future.value.slice(0, -1);
      this.#past.value = [...this.#past.value, done];
    });
  }

  async #busily(work: () => Promise<void>): Promise<void> {
    this.busy.value = true;
    try {
      await work();
    } finally {
      this.busy.value = false;
    }
  }

  /** What came of a prediction becomes an annotation with its lineage, which later fine-tunes learn from. */
  async #keep(
    { prediction, byHand }: Draft,
    mask: BinaryMask,
    given: { label: string | null; colour: number | undefined; proposal: Proposal | null },
  ): Promise<Instance> {
    const { label, colour, proposal } = given;
    if (proposal) {
      const id = await keepCorrected(this.projectId, proposal, { mask, label });
      this.instances.value = this.instances.value.filter((one) => one.id !== proposal.annotation_id);
      return this.#show({ id, label, mask, area: areaOf(mask), colour: colour ?? ++this.#colours });
    }
    if (prediction === null) return this.#add(mask, label, colour);
    const said = byHand ? { action: "correct", mask: encodeRle(mask) } : { action: "accept" };
    const path = `/v1/projects/${this.projectId}/predictions/${prediction.id}/feedback`;
    const { prompt, mask: index = 0 } = prediction;
    const body = { ...said, prompt, mask_index: index, label };
    try {
      const { annotation_id: id } = await api.post<{ annotation_id: string }>(path, body);
      return this.#show({ id, label, mask, area: areaOf(mask), colour: colour ?? ++this.#colours });
    } catch (error) {
      // The log keeps predictions for a time; a mask that was looked at for longer is worth as much without it.
      if (error instanceof MaskwrightError && error.code === "prediction_not_found")
        return this.#add(mask, label, colour);
      throw error;
    }
  }

  async #add(mask: BinaryMask, label: string | null, colour?: number): Promise<Instance> {
    const body = { image_id: this.image.id, mask: encodeRle(mask), ...(label !== null && { label }) };
    const row = await api.post<Annotation>(this.#path, body);
    return this.#show({ id: row.id, label, mask, area: row.area, colour: colour ?? ++this.#colours });
  }

  #show(added: Instance): Instance {
    this.instances.value = [...this.instances.value.filter(({ id }) => id !== added.id), added];
    return added;
  }

  async #drop({ id }: Instance): Promise<void> {
    await api.remove(`${this.#path}/${id}`);
    this.instances.value = this.instances.value.filter((one) => one.id !== id);
  }
}
