import { frameSide, lowResSide, toInputFrame } from "../../imaging/coordinates.ts";
import type { ModelFamily } from "../../domain/model-family.ts";
import type { BinaryMask, Point } from "../../imaging/types.ts";
import type { DecoderOutput, PromptBatch, TrainBatch, TrainingEngine } from "../engine/types.ts";
import { correctiveClick } from "../evaluation/clicks.ts";
import { LoggedPrompts } from "./logged-prompts.ts";
import { wantsEdges } from "../engine/objective.ts";
import { drawPlan, jitterBox, longestPrompt, type PromptPlan, randomClick } from "./prompts.ts";
import { drawTurn, type Turn, turnClicks, turnPrompt, turnShown } from "./turns.ts";
import type { Recipe } from "../loop/recipe.ts";
import {
  type EmbeddingOf,
  fitOf,
  jitteredBoxes,
  maskBatch,
  randomFor,
  type Sample,
  Targets,
  trainBatch,
  truthOf,
} from "../data/samples.ts";

const cells = lowResSide * lowResSide;
/** Pixels of the 1024 frame to a low-res cell. */
const cellSide = frameSide / lowResSide;

/** A batch as far as it can be made without a look at the engine's predictions. */
export interface PreparedBatch {
  readonly batch: TrainBatch;
  /** Empty where the prompts are complete. */
  readonly drafts: readonly PromptDraft[];
  /** How many of its prompts begin as people had prompted. */
  readonly real: number;
}

/** The prompt of one sample while it grows; coords in pixels of the 1024 frame. */
interface PromptDraft {
  readonly plan: PromptPlan;
  readonly coords: number[];
  readonly labels: number[];
  /** What was clicked, in low-res cells: no cell is clicked twice. */
  readonly clicked: Point[];
  /** It begins as people had prompted. */
  readonly real: boolean;
}

/** What of a recipe its batches follow from. */
type BatchRecipe = Pick<Recipe, "prompts" | "jitter" | "loss"> & Partial<Pick<Recipe, "turns">>;

/** Makes the batches of a training run, with the prompts that its recipe wants. The same seed gives the same ones. */
export class BatchMaker {
  readonly #samples: readonly Sample[];
  readonly #family: ModelFamily | undefined;
  readonly #recipe: BatchRecipe;
  readonly #seed: number;
  readonly #embeddingOf: EmbeddingOf;
  readonly #engine: Pick<TrainingEngine, "predict">;
  readonly #targets = new Targets();
  readonly #logged: LoggedPrompts;

  constructor(options: {
    samples: readonly Sample[];
    recipe: BatchRecipe;
    seed: number;
    embeddingOf: EmbeddingOf;
    engine: Pick<TrainingEngine, "predict">;
  }) {
    this.#samples = options.samples;
    this.#family = options.samples[0]?.image.family;
    this.#logged = new LoggedPrompts(options.samples);
    this.#recipe = options.recipe;
    this.#seed = options.seed;
    this.#embeddingOf = options.embeddingOf;
    this.#engine = options.engine;
  }

  /** All that does not depend on the weights: it may be made while the engine takes another step. */
  async prepare(epoch: number, indexes: readonly number[]): Promise<PreparedBatch> {
    const upright = await this.#upright(epoch, indexes);
    if (!this.#recipe.turns) return upright;
    const turns = indexes.map((index) => drawTurn(randomFor(this.#seed, "turn", epoch, index)));
    const batch = turnShown(upright.batch, turns, this.#family);
    if (upright.drafts.length > 0) {
      const drafts = upright.drafts.map((draft, i) => turnedDraft(draft, turns[i] as Turn));
      return { ...upright, batch: { ...batch, ...padded(drafts, this.#family) }, drafts };
    }
    const tokens = batch.labels.length / turns.length;
    for (const [i, turn] of turns.entries()) {
      const [from, to] = [i * tokens, (i + 1) * tokens];
      turnPrompt(batch.coords.subarray(2 * from, 2 * to), batch.labels.subarray(from, to), turn);
    }
    return { ...upright, batch };
  }

  async #upright(epoch: number, indexes: readonly number[]): Promise<PreparedBatch> {
    const samples = indexes.map((index) => this.#samples[index] as Sample);
    const { prompts, jitter, loss } = this.#recipe;
    const [embeddingOf, targets, edges] = [this.#embeddingOf, this.#targets, wantsEdges(loss)];
    if (prompts === "box") {
      const boxes = jitteredBoxes(this.#samples, indexes, { seed: this.#seed, epoch, jitter });
      return {
        batch: await trainBatch(samples, boxes, { embeddingOf, targets, edges }),
        drafts: [],
        real: 0,
      };
    }
    const drafts = samples.map((sample, i) => this.#draft(sample, [epoch, indexes[i] as number]));
    const embeddings = await Promise.all(samples.map(async ({ image }) => embeddingOf(image)));
    return {
      batch: { embeddings, ...padded(drafts, this.#family), ...maskBatch(samples, targets, { edges }) },
      drafts,
      real: drafts.filter((draft) => draft.real).length,
    };
  }

  /**
   * Adds corrective clicks and mask prompts, which follow from what the engine predicts with its weights as they are:
   * no step may be under way, or what it predicts would be a matter of chance.
   */
  async finish({ batch, drafts }: PreparedBatch): Promise<TrainBatch> {
    if (drafts.length === 0) return batch;
    const masks = new Float32Array(drafts.length * cells);
    const hasMask = new Float32Array(drafts.length);
    for (const round of [1, 2]) {
      const open = drafts
        .map((_, i) => i)
        .filter((i) => (drafts[i] as PromptDraft).plan.corrections >= round);
      if (open.length === 0) break;
      const { logits } = await this.#predict(batch, drafts, { open, masks, hasMask });
      for (const [k, i] of open.entries()) {
        const draft = drafts[i] as PromptDraft;
        const answer = logits.subarray(k * cells, (k + 1) * cells);
        correct(draft, answer, {
          target: batch.targets.subarray(i * cells, (i + 1) * cells),
          valid: batch.valid.subarray(i * cells, (i + 1) * cells),
        });
        if (!draft.plan.mask) continue;
        masks.set(answer, i * cells);
        hasMask[i] = 1;
      }
    }
    return { ...batch, ...padded(drafts, this.#family), masks, hasMask };
  }

  /** Predictions of the open drafts, with the mask prompts that they have got so far. */
  async #predict(
    batch: TrainBatch,
    drafts: readonly PromptDraft[],
    { open, masks, hasMask }: { open: readonly number[]; masks: Float32Array; hasMask: Float32Array },
  ): Promise<DecoderOutput> {
    const some: PromptBatch = {
      embeddings: open.map((i) => batch.embeddings[i] as Float32Array),
      ...padded(
        open.map((i) => drafts[i] as PromptDraft),
        this.#family,
      ),
    };
    if (!open.some((i) => hasMask[i] === 1)) return this.#engine.predict(some);
    const own = new Float32Array(open.length * cells);
    for (const [k, i] of open.entries()) own.set(masks.subarray(i * cells, (i + 1) * cells), k * cells);
    return this.#engine.predict({
      ...some,
      masks: own,
      hasMask: Float32Array.from(open, (i) => hasMask[i] as number),
    });
  }

  #draft(sample: Sample, [epoch, index]: readonly [epoch: number, index: number]): PromptDraft {
    const { annotation, image } = sample;
    const plan = drawPlan(randomFor(this.#seed, "prompt", epoch, index));
    const real = this.#logged.start(sample, plan, randomFor(this.#seed, "logged", epoch, index));
    if (real) return { plan, ...real, real: true };
    const click =
      plan.start === "click"
        ? randomClick(truthOf(sample), randomFor(this.#seed, "click", epoch, index))
        : null;
    const size = [image.height, image.width] as const;
    const fit = fitOf(image);
    if (click) {
      const coords = [...toInputFrame(click, size, fit)];
      const [x = 0, y = 0] = coords;
      return { plan, coords, labels: [1], clicked: [[x / cellSide, y / cellSide, 1]], real: false };
    }
    const random = randomFor(this.#seed, "box", epoch, index);
    const box = jitterBox(annotation.box, image, random, this.#recipe.jitter);
    return { plan, coords: [...toInputFrame(box, size, fit)], labels: [2, 3], clicked: [], real: false };
  }
}

function turnedDraft(draft: PromptDraft, turn: Turn): PromptDraft {
  const coords = [...draft.coords];
  turnPrompt(coords, draft.labels, turn);
  return { ...draft, coords, clicked: turnClicks(draft.clicked, turn) };
}

/** Adds the click that corrects an answer's low-res logits most, if anything of it is wrong. */
function correct(
  draft: PromptDraft,
  logits: Float32Array,
  { target, valid }: { target: Float32Array; valid: Float32Array },
): void {
  // Plain loops: the engine waits for this.
  const plane = (values: Float32Array, edge: number): BinaryMask => {
    const data = new Uint8Array(cells);
    for (let i = 0; i < cells; i++) data[i] = (values[i] as number) > edge && valid[i] === 1 ? 1 : 0;
    return { width: lowResSide, height: lowResSide, data };
  };
  const click = correctiveClick(plane(logits, 0), plane(target, 0.5), draft.clicked);
  if (!click) return;
  draft.clicked.push(click);
  draft.coords.push(click[0] * cellSide, click[1] * cellSide);
  draft.labels.push(click[2]);
}

/** Prompts of one length: a padding point behind what Meta's have one behind, then absent tokens. */
function padded(
  drafts: readonly PromptDraft[],
  family: ModelFamily | undefined,
): Pick<PromptBatch, "coords" | "labels"> {
  const longest = longestPrompt(family);
  const coords = new Float32Array(drafts.length * longest * 2);
  const labels = new Float32Array(drafts.length * longest).fill(-2);
  for (const [i, draft] of drafts.entries()) {
    coords.set(draft.coords, i * longest * 2);
    const isWhole = draft.labels.includes(2) && family !== "sam2";
    labels.set(isWhole ? draft.labels : [...draft.labels, -1], i * longest);
  }
  return { coords, labels };
}
