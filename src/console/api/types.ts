import type * as Api from "../../client/index.ts";

/** The API's answers, as the client types them. */
export type {
  AutoLabel,
  FineTune,
  FineTuneEvent,
  GalleryEntry,
  Image,
  Import,
  ListedImage,
  Project,
  Promotion,
  Usage,
  Version,
  Webhook,
} from "../../client/index.ts";
export type Overview = Api.ProjectOverview;
export type Preview = Api.FineTunePreview;
export type Key = Api.Key;
export type Delivery = Api.WebhookDelivery;

/** [x0, y0, x1, y1] in pixels of the image. */
export type Box = [number, number, number, number];
/** [x, y, 1 of the object or 0 of the background]. */
export type Point = [number, number, 0 | 1];

export interface Page<T> {
  data: T[];
  has_more: boolean;
  next_cursor: string | null;
}

/** The console asks for no other format, so masks are run lengths here. */
export type Rle = Extract<Api.Mask, { format: "rle" }>;
export type Proposal = Omit<Api.Proposal, "mask"> & { mask: Rle };
export type Annotation = Omit<Api.Annotation, "mask"> & { mask: Rle };

type AnyMask = Api.Prediction["results"][number]["predictions"][number]["masks"][number];
export type PredictedMask = Extract<AnyMask, { format: "rle" }>;
export type Prediction = Omit<Api.Prediction, "results"> & {
  results: {
    version: "base" | number;
    predictions: { masks: PredictedMask[] }[];
    found?: { masks: PredictedMask[]; left_out?: number };
  }[];
};
export type Segmentation = Omit<Api.Segmentation, "results"> & {
  results: { version: "base" | number; masks: PredictedMask[] }[];
};

export type FineTuneStatus = Api.FineTune["status"];
export type VersionMetrics = NonNullable<Api.Version["metrics"]>;
export type KindMetrics = NonNullable<VersionMetrics["evaluation"]>["prompts"][number];
export type Interval = KindMetrics["gain"]["iou"];
export type PromptLatency = NonNullable<VersionMetrics["latency"]>["box"];
export type FinderMetrics = NonNullable<VersionMetrics["finder"]>;
export type OtherFocus = NonNullable<NonNullable<VersionMetrics["serving"]>["given_up"]>;
