import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { decodeRle } from "../../src/imaging/rle.ts";
import { keys } from "../../src/storage/keys.ts";
import type { ObjectStore } from "../../src/storage/store.ts";
import type { PreparedData } from "../../src/training/data/prepare.ts";
import { rleOf, type Sample } from "../../src/training/data/samples.ts";
import { noPython } from "../lib/options.ts";
import type { GridOptions } from "./options.ts";
import type { Progress } from "../lib/product/progress.ts";

export interface GridCell {
  readonly loss: string;
  readonly rate: number;
  /** 0 is the untrained start. */
  readonly bestEpoch: number;
  readonly selectionIou: number;
  /** IoU of each test sample, in the order of the held-out samples. */
  readonly test: readonly number[];
  readonly seconds: number;
}

export interface Grid {
  readonly peer: string;
  /** The base's IoU of each test sample, by the peer's own code: it must be ours, up to rounding. */
  readonly base: readonly number[];
  readonly cells: readonly GridCell[];
}

interface GridWork {
  readonly data: PreparedData;
  readonly store: ObjectStore;
  /** Whose embeddings these are. */
  readonly workspaceId: string;
  readonly seed: number;
}

/**
 * Trains every cell of the PyTorch grid on the same split and the same cached embeddings. A sentence where there is no
 * Python that can.
 */
export async function runGrid(
  options: GridOptions,
  work: GridWork & { progress: Progress; signal: AbortSignal },
): Promise<Grid | string> {
  if (options.python === undefined) return noPython;
  const folder = await mkdtemp(join(tmpdir(), "maskwright-grid-"));
  try {
    const job = await writeJob(folder, options, work);
    return await readCells(options, job, work);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function writeJob(
  folder: string,
  options: GridOptions,
  { data, store, workspaceId, seed }: GridWork,
): Promise<string> {
  const { snapshot } = data.frozen;
  const model = baseModel(snapshot.base_model);
  const weights = join(folder, "weights.safetensors");
  await writeFile(weights, encodeSafetensors(await model.decoderWeights()));
  const index = new Map<string, number>();
  const images: { file: string; width: number; height: number }[] = [];
  for (const [i, { id, sha256, width, height }] of snapshot.images.entries()) {
    const file = join(folder, `${i}.safetensors`);
    await store.getFile(keys.embedding(workspaceId, model.embeddingId, sha256), file);
    index.set(id, i);
    images.push({ file, width, height });
  }
  const told = (samples: readonly Sample[]) =>
    samples.map((sample) => ({
      image: index.get(sample.image.id),
      box: sample.annotation.box,
      runs: rowRuns(decodeRle(rleOf(sample)).data),
    }));
  const job = join(folder, "job.json");
  const { epochs, threads, losses, rates } = options;
  await writeFile(
    job,
    JSON.stringify({
      weights,
      epochs,
      batch: 4,
      seed,
      threads,
      losses,
      rates,
      images,
      train: told(data.train),
      selection: told(data.selection),
      test: told(data.heldOut),
    }),
  );
  return job;
}

/** Row-major run lengths of zeros and ones in turn, zeros first. */
export function rowRuns(data: Uint8Array): number[] {
  const runs: number[] = [];
  let [value, run] = [0, 0];
  for (const pixel of data) {
    if (pixel === value) {
      run++;
      continue;
    }
    runs.push(run);
    [value, run] = [pixel, 1];
  }
  runs.push(run);
  return runs;
}

type Line =
  | { kind: "start"; torch: string; threads: number }
  | { kind: "base"; selection_iou: number; test: number[] }
  | { kind: "epoch"; loss: string; rate: number; epoch: number; selection_iou: number }
  | {
      kind: "cell";
      loss: string;
      rate: number;
      best_epoch: number;
      selection_iou: number;
      test: number[];
      seconds: number;
    };

async function readCells(
  options: GridOptions,
  job: string,
  { progress, signal }: { progress: Progress; signal: AbortSignal },
): Promise<Grid | string> {
  const script = resolve(import.meta.dirname, "../../peers/grid.py");
  const child = spawn(options.python as string, [script, job], { stdio: ["ignore", "pipe", "pipe"], signal });
  let errors = "";
  child.stderr.on("data", (text: Buffer) => (errors = (errors + text.toString()).slice(-400)));
  const ended = new Promise<string>((done) => {
    child.once("error", (error) => done(error.message));
    child.once("close", (code) => done(code === 0 ? "" : `it ended with code ${code}: ${errors.trim()}`));
  });
  let peer = "PyTorch";
  let base: readonly number[] = [];
  const cells: GridCell[] = [];
  const total = options.losses.length * options.rates.length * options.epochs;
  let epochs = 0;
  for await (const text of createInterface({ input: child.stdout })) {
    const line = JSON.parse(text) as Line;
    if (line.kind === "start") peer = `PyTorch ${line.torch}, ${line.threads} threads`;
    else if (line.kind === "base") base = line.test;
    else if (line.kind === "epoch") progress.at(`grid: ${line.loss} ${line.rate}`, ++epochs, total);
    else {
      const { loss, rate, test, seconds } = line;
      cells.push({ loss, rate, bestEpoch: line.best_epoch, selectionIou: line.selection_iou, test, seconds });
      progress.say(
        `  grid: ${loss} ${rate}: selection ${line.selection_iou.toFixed(3)}, ${seconds.toFixed(0)} s`,
      );
    }
  }
  const failure = await ended;
  signal.throwIfAborted();
  return failure === "" ? { peer, base, cells } : `${options.python}: ${failure}`;
}
