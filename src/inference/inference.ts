import type { BaseModel } from "../checkpoint/base-models.ts";
import type { Ranked, RankTask } from "../imaging/worth/rank-images.ts";
import type { RgbImage } from "../imaging/types.ts";
import type { FindRequest, FindResult, LikeRequest, Named, NameRequest } from "./find/types.ts";
import type { Region, RegionRequest } from "./find/region.ts";
import type { EverythingRequest, EverythingResult } from "./everything/types.ts";
import type {
  Embedded,
  EmbedOptions,
  ImageEmbedding,
  ImageFacts,
  ImageSource,
  PredictRequest,
  PredictResult,
} from "./types.ts";

/** What the routes and the trainer ask of inference. All heavy work runs in worker threads. */
export interface Inference {
  /**
   * Decodes an image whole, so that what is stored is known to be readable.
   * Throws AppError image_empty, image_unreadable, image_truncated, image_format_unsupported, image_too_many_pixels, image_too_small.
   */
  inspect(bytesOrPath: Uint8Array | string): Promise<ImageFacts>;
  /** An image as WebP, its longer side at most `side` pixels. Throws AppError image_unreadable, overloaded. */
  thumbnail(bytes: Uint8Array, side: number): Promise<Uint8Array>;
  /** An image's pixels, decoded as the encoder sees them; kept in memory for a while. Throws as inspect does. */
  pixels(image: ImageSource): Promise<RgbImage>;
  /** The image's embedding from memory, the object store, or the encoder, which then writes it to both. */
  embed(image: ImageSource, options: EmbedOptions): Promise<Embedded>;
  /**
   * An embedding as decoders elsewhere take it, float32, little endian: [256, 64, 64], and of SAM 2 [32, 256, 256] and
   * [64, 128, 128] behind it.
   */
  channelsFirst(embedding: ImageEmbedding): Promise<Uint8Array<ArrayBuffer>>;
  /** Decodes prompts with one or several versions on one embedding. */
  predict(request: PredictRequest): Promise<PredictResult>;
  /** Every object of an image, without prompts: Meta's automatic mask generator. See everything/generate.ts. */
  segmentEverything(request: EverythingRequest): Promise<EverythingResult>;
  /** The objects that a version was taught, without prompts: see find/find.ts. Throws AppError answer_too_large. */
  find(request: FindRequest): Promise<FindResult>;
  /** The objects that are like one that is there: see find/like.ts. Throws as find does. */
  findLike(request: LikeRequest): Promise<FindResult>;
  /** A region of an earlier answer once more: see find/region.ts. */
  regionAgain(request: RegionRequest): Promise<Region>;
  /** What a version's finder calls the objects of masks: see find/names.ts. Throws as find does. */
  name(request: NameRequest): Promise<readonly (Named | null)[]>;
  /** The order in which images should be labelled: see imaging/worth/rank-images.ts. */
  rank(task: RankTask): Promise<Ranked[]>;
  /**
   * Removes an image's embeddings, of every base model, from this process's memory and the object store: for when a
   * workspace has no image of these bytes any more. One that is being made meanwhile is written all the same.
   */
  forget(image: { workspaceId: string; sha256: string }): Promise<void>;
  /**
   * Lets stored embeddings of a workspace go whose room something else has taken: for whoever has stored something that
   * its quota counts.
   */
  makeRoom(workspaceId: string): Promise<void>;
  /** Built in or imported. Throws AppError base_model_unknown, listing those that there are. */
  baseModel(name: string): Promise<BaseModel>;
  /** All base models, built in or imported, those with the smallest image encoder first. */
  baseModels(): Promise<BaseModel[]>;
  close(): Promise<void>;
}
