import { tmpdir } from "node:os";
import { join } from "node:path";
import { BaseModels, type HoldBaseModel } from "../base-models/registry.ts";
import { type DecoderGraph, readFinderGraphs, readGraphs } from "../graphs/files.ts";
import { embeddingLength } from "../domain/model-family.ts";
import { inSpan } from "../lib/trace.ts";
import type { ObjectStore } from "../storage/store.ts";
import { PrefixCache } from "./decoder/prefix-cache.ts";
import { Together } from "./decoder/together.ts";
import { ofVersion, VersionWeights } from "./decoder/version-weights.ts";
import { EmbeddingCache } from "./embedding/cache.ts";
import { embedAtOnce, embedStored } from "./embedding/embed.ts";
import { encodeIn } from "./embedding/encode.ts";
import { Pixels } from "./embedding/pixels.ts";
import { embedRegion } from "./embedding/regions.ts";
import type { EmbeddingShelf } from "./embedding/shelf.ts";
import { segmentEverything } from "./everything/generate.ts";
import { find } from "./find/find.ts";
import { regionAgain } from "./find/region.ts";
import { findLike } from "./find/like.ts";
import { nameMasks } from "./find/name-masks.ts";
import { FinderWeights } from "./find/finder-weights.ts";
import type { ImageNotes } from "./image-notes.ts";
import type { Inference } from "./inference.ts";
import { Pictures } from "./pictures/pictures.ts";
import { patienceMs, predict } from "./predict.ts";
import { Running } from "./turns/running.ts";
import { createPools, type Pools } from "./workers/pools.ts";

export interface InferenceOptions {
  readonly store: ObjectStore;
  /** Keeps account of the embeddings in the store, and lets the oldest go; left out, all are kept. */
  readonly shelf?: EmbeddingShelf;
  /** Keeps what is learnt of whole images in passing; left out, nobody does. */
  readonly notes?: ImageNotes;
  /** Embeddings of SAM kept in memory, 4 MiB each; of SAM 2's, 16 MiB each, so many fewer. */
  readonly cacheEntries: number;
  /** Bytes of what decoders make of an image before they look at prompts, kept for the next prompt; 0 keeps nothing. */
  readonly prefixBytes: number;
  /** Bytes of versions' decoder weights kept in memory, 16 MiB each; 256 MiB by default. */
  readonly versionBytes?: number;
  /** CPU threads of one encode or decode; 0 lets onnxruntime choose. */
  readonly threads: number;
  /** Worker threads that decode prompts side by side. */
  readonly decodeWorkers: number;
  /** Larger images are refused by their header. */
  readonly maxImagePixels: number;
  /** Where pictures are decoded, closed by whoever made it; left out, one of its own. */
  readonly pictures?: Pictures;
  /** Where image encoders of imported base models are kept on disk; below the temporary folder by default. */
  readonly modelsFolder?: string;
  /** Is asked before an imported base model is used; see base-models/registry.ts. */
  readonly holdModel?: HoldBaseModel;
  /** The base models that there are; those that come with the package and those of the store by default. */
  readonly models?: BaseModels;
  /**
   * Hears of an embedding that could not be stored, and lets answers not wait until theirs is; left out, they wait. A
   * machine that stops after an answer has to leave it out.
   */
  readonly onUnstored?: (error: unknown) => void;
  /** Milliseconds after which a prediction is given up; two minutes by default. */
  readonly patienceMs?: number;
  /** Where the decoder graphs are; build/graphs of this package by default. */
  readonly graphsFolder?: string;
}

/**
 * Inference in worker threads: onnxruntime-node holds its thread for a whole run. Pictures are decoded in child processes.
 * Throws an Error when the decoder graphs have not been built.
 */
export async function createInference(options: InferenceOptions): Promise<Inference> {
  const { store, threads, decodeWorkers: workers, onUnstored } = options;
  const graphs = readGraphs(options.graphsFolder);
  const pools = createPools(options);
  const running = new Running();
  const models =
    options.models ??
    new BaseModels(store, options.modelsFolder ?? join(tmpdir(), "maskwright-models"), options.holdModel);
  const weights = new VersionWeights(store, models, options.versionBytes);
  const prefixes = new PrefixCache(options.prefixBytes);
  const pictures = options.pictures ?? new Pictures(options.maxImagePixels);
  const pixels = new Pixels(({ bytes }) => pictures.pixels(bytes));
  const embeddings = new EmbeddingCache({
    store,
    shelf: options.shelf,
    notes: options.notes,
    models,
    bytes: options.cacheEntries * embeddingLength("sam") * Float32Array.BYTES_PER_ELEMENT,
    onDrop: (embedding) => prefixes.forget(embedding),
    encode: encodeIn({ pools, pictures, pixels, threads }),
  });
  const embed = embedStored(embeddings);
  const embedForAnswer = onUnstored ? embedAtOnce(embeddings, running, onUnstored) : embed;
  const parts: Parts = {
    patienceMs: options.patienceMs ?? patienceMs,
    graphs,
    threads,
    workers,
    pools,
    prefixes,
    weights,
    pixels,
    embed: embedForAnswer,
  };
  const answer = predictWith(parts);
  const everything = everythingWith(parts, answer);
  const finding = findWith(parts, answer, {
    store,
    graphs: readFinderGraphs(options.graphsFolder),
    notes: options.notes,
  });
  return {
    inspect: (bytes) => running.track(() => pictures.facts(bytes)),
    thumbnail: (bytes, side) => running.track(() => pictures.thumbnail(bytes, side)),
    pixels: (image) => running.track(() => pixels.of(image)),
    embed: (image, embedOptions) => running.track(() => embed(image, embedOptions)),
    predict: (request) => running.track(() => answer(request)),
    segmentEverything: (request) => running.track(() => everything(request)),
    find: (request) => running.track(() => finding.find(request)),
    findLike: (request) => running.track(() => finding.findLike(request)),
    regionAgain: (request) => running.track(() => finding.regionAgain(request)),
    name: (request) => running.track(() => finding.name(request)),
    channelsFirst: (embedding) =>
      running.track(() => pools.channelsFirst({ data: embedding.data, family: embedding.family })),
    rank: (task) => running.track(() => pools.rank(task)),
    forget: (image) => {
      pixels.forget(image.sha256);
      return running.track(() => embeddings.forget(image));
    },
    makeRoom: (workspaceId) => running.track(() => embeddings.makeRoom(workspaceId)),
    baseModel: (name) => models.get(name),
    baseModels: () => models.all(),
    close: async () => {
      await running.drain();
      await Promise.all([pools.close(), options.pictures ?? pictures.close()]);
    },
  };
}

/** What answering takes: the graphs, whoever runs them, and the caches before them. */
interface Parts {
  readonly patienceMs: number;
  readonly graphs: readonly DecoderGraph[];
  readonly threads: number;
  readonly workers: number;
  readonly pools: Pools;
  readonly prefixes: PrefixCache;
  readonly weights: VersionWeights;
  readonly pixels: Pixels;
  readonly embed: Inference["embed"];
}

/** Prompts that wait for the same version and image share one run of the decoder. */
function predictWith(parts: Parts): Inference["predict"] {
  const { graphs, threads, workers, pools, prefixes, weights, pixels, embed } = parts;
  const together = new Together(workers, (task) => prefixes.withViews(task, pools.decode));
  return (request) =>
    predict(
      {
        patienceMs: parts.patienceMs,
        graphs,
        threads,
        workers,
        embed: ({ image }, region) =>
          region
            ? embedRegion({ embed }, { ...image, size: region.size }, { ...request, region: region.box })
            : embed(image, request),
        pixels: ({ image }) => pixels.of(image),
        weights: (version, baseModel) => weights.get(version, baseModel),
        answer: (task) =>
          inSpan("decode", { "maskwright.prompts": task.prompts.length }, () =>
            together.decode(task, request.workspaceId),
          ),
      },
      request,
    );
}

/** A version that looks closer asks `answer` for what it found. */
function everythingWith(parts: Parts, answer: Inference["predict"]): Inference["segmentEverything"] {
  const { graphs, threads, workers, pools, prefixes, weights, embed } = parts;
  return (request) =>
    segmentEverything(
      {
        graphs,
        threads,
        workers,
        embed: ({ image, workspaceId, baseModel, signal }, region, passing) =>
          embedRegion({ embed }, image, { workspaceId, baseModel, signal, region, passing }),
        weights: (version, baseModel) => weights.get(version, baseModel),
        // Shared memory of a hundred crops would lie about until three heaps have been cleaned up.
        points: (task, passing) => (passing ? pools.points(task) : prefixes.with(task, pools.points)),
        boxes: pools.boxes,
        masks: pools.masks,
        predict: answer,
      },
      request,
    );
}

/** What a version's finder says; for the masks of what it found it asks `answer`. */
function findWith(
  { threads, pools, embed }: Parts,
  answer: Inference["predict"],
  {
    store,
    graphs,
    notes,
  }: {
    store: ObjectStore;
    graphs: ReturnType<typeof readFinderGraphs>;
    notes: ImageNotes | undefined;
  },
): Pick<Inference, "find" | "findLike" | "regionAgain" | "name"> {
  const weights = new FinderWeights(store);
  const looking: Parameters<typeof nameMasks>[0] = {
    graphs,
    threads,
    embed: ({ image, ...rest }) => embed(image, rest),
    weights: (version) => ofVersion(version, () => weights.get(version.finder)),
    peaks: pools.peaks,
  };
  const findAll: Inference["find"] = (request) =>
    find(
      {
        ...looking,
        predict: answer,
        twins: pools.twins,
        region: pools.region,
        masks: pools.masks,
        note: async ({ sha256: finderSha256 }, doubt) =>
          notes?.doubt(
            { workspaceId: request.workspaceId, sha256: request.image.sha256, finderSha256 },
            doubt,
          ),
      },
      request,
    );
  const { embed: embedWhole } = looking;
  const { like, likeness, twins, masks } = pools;
  return {
    find: findAll,
    findLike: (request) =>
      findLike({ embed: embedWhole, predict: answer, like, likeness, twins, masks }, request),
    regionAgain: (request) => regionAgain({ predict: answer, region: pools.region }, request),
    name: (request) => nameMasks(looking, request),
  };
}
