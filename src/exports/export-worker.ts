import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type BaseModel, builtInModel } from "../checkpoint/base-models.ts";
import type { NamedTensors } from "../checkpoint/named-tensors.ts";
import type { Version } from "../db/queries/versions.ts";
import { type Outcome, settle } from "../lib/outcome.ts";
import type { ObjectStore } from "../storage/store.ts";
import { exportVersion } from "./index.ts";
import type { ExportedFile, ExportOptions } from "./types.ts";

/** What an export needs of elsewhere, read before. */
export interface ExportTask {
  readonly projectId: string;
  readonly base: Omit<BaseModel, "encoderPath" | "decoderWeights">;
  readonly encoderPath: string | null;
  /** Decoder of a base that did not come with the package. */
  readonly decoder: NamedTensors | null;
  readonly version: Version | null;
  /** The version's file of weights. */
  readonly weights: Uint8Array | null;
  /** The file of its finder's, where it is wanted. */
  readonly finder: Uint8Array | null;
  readonly options: ExportOptions;
  /** Where the file is to lie. */
  readonly path: string;
}

/** Makes a version's file, in a thread of its own, and leaves it on disk. Throws what exportVersion throws. */
export const make = (task: ExportTask): Promise<Outcome<Omit<ExportedFile, "content">>> =>
  settle(async () => {
    const { projectId, version, options, path } = task;
    const base = baseOf(task);
    const isFinder = (key: string): boolean => key === version?.finder?.key;
    const get = (key: string) => Promise.resolve(isFinder(key) ? task.finder : task.weights);
    const store = { get } as unknown as ObjectStore;
    const { content, ...file } = await exportVersion(store, { projectId, base, version }, options);
    await pipeline(content instanceof Readable ? content : Readable.from([content]), createWriteStream(path));
    return file;
  });

function baseOf({ base, encoderPath, decoder }: ExportTask): BaseModel {
  return {
    ...base,
    encoderPath: () => Promise.resolve(encoderPath as string),
    decoderWeights: async () => decoder ?? (builtInModel(base.name) as BaseModel).decoderWeights(),
  };
}
