import type { Finder } from "../../domain/finder.ts";
import type { Box, MaskFormat, Size } from "../../imaging/types.ts";
import type { TimingMs } from "../timing.ts";
import type { Where } from "./inside.ts";
import type { Embedded, EmbedOptions, ImageSource, PredictedMask, VersionRef } from "../types.ts";

/** A version that can find. */
export interface FindingVersion extends VersionRef {
  readonly finder: Finder;
}

/** One thing to be looked for. */
export interface FindAsk extends Where {
  /** Labels of the finder, null for that of annotations without one; left out, all. */
  readonly labels?: readonly (string | null)[] | undefined;
  /** Whether all that is found is one mask. */
  readonly asRegion?: boolean | undefined;
}

export interface FindRequest extends Omit<EmbedOptions, "region"> {
  /** With its [height, width], as seen. */
  readonly image: ImageSource & { readonly size: Size };
  readonly versions: readonly FindingVersion[];
  readonly asks: readonly FindAsk[];
  /** Tight boxes of masks that each version is to name as Inference.name does, in the order of the versions. */
  readonly names?: readonly (readonly Box[])[] | undefined;
  /** Label scores from which objects are answered with, in [0, 1]; left out, each finder's own. */
  readonly threshold?: number | undefined;
  /** Objects of one ask and version at most, the best. */
  readonly most: number;
  readonly format: Exclude<MaskFormat, "logits">;
  readonly polygonTolerance?: number | undefined;
  /** Characters that the masks of all versions together may take; more throws AppError answer_too_large. */
  readonly maxAnswerText: number;
}

/** An object that is there: on the image that is asked about where no other is named. */
export interface LikeObject {
  /** Round the object, pixels of its image. */
  readonly box: Box;
  readonly image?: (ImageSource & { readonly size: Size }) | undefined;
}

export interface LikeAsk extends Where {
  /** One or several, which are taken together: what they have in common is looked for. */
  readonly like: readonly LikeObject[];
  /** What is found is given it. */
  readonly label: string | null;
}

export interface LikeRequest extends Omit<FindRequest, "versions" | "asks" | "names"> {
  readonly versions: readonly VersionRef[];
  readonly asks: readonly LikeAsk[];
}

/** What a version made of a box. */
export interface Boxed extends PredictedMask {
  /** The box that the decoder was asked with. */
  readonly prompt: Box;
  /** Whether it was asked without a window, as there were too many: see find-focus.ts. */
  readonly plain?: true;
}

export interface FoundObject extends Omit<Boxed, "lowRes"> {
  readonly label: string | null;
  /** The expected share of such finds that are objects, or how much it is like what was shown, in [0, 1]. */
  readonly labelScore: number;
  /** Where it is a region: by which boxes the objects in it were made. */
  readonly parts?: readonly Pick<Boxed, "prompt" | "plain">[];
}

export interface FindResult {
  readonly width: number;
  readonly height: number;
  /**
   * In the order of the request's versions and asks; objects by label score, the best first. `left` are those that `most`
   * left out.
   */
  readonly results: readonly {
    readonly version: number;
    readonly asks: readonly { readonly objects: readonly FoundObject[]; readonly left: number }[];
    /** Where the request has masks to name. */
    readonly names?: readonly (Named | null)[];
  }[];
  readonly embeddingFrom: Embedded["from"];
  readonly timingMs: TimingMs;
}

export interface NameRequest extends Omit<EmbedOptions, "region"> {
  /** With its [height, width], as seen. */
  readonly image: ImageSource & { readonly size: Size };
  readonly version: FindingVersion;
  /** Tight boxes of masks, [x0, y0, x1, y1] in pixels of the image, x1 and y1 exclusive. */
  readonly boxes: readonly Box[];
}

/** What a version takes an object for. */
export interface Named {
  readonly label: string | null;
  /** The expected share of such finds that are objects of the label, in [0, 1]. */
  readonly labelScore: number;
}
