/** Objects of annotation files: outlines with labels, spooled until their image is read. */
import { consensusOf, type Vote } from "./consensus.ts";
import type { Split } from "./names.ts";
import type { PlannedImage, PlannedMask } from "./plan.ts";
import type { LeftOut } from "./report.ts";
import { drawShape, type Shape } from "./shapes.ts";
import type { Spool } from "./spool.ts";
import type { FormatContext } from "./types.ts";

/** One object as an annotation file has it; plain data, so that it can wait on disk. */
export interface DrawnObject {
  /** What the file calls it, such as `annotation 7`. */
  readonly id?: string | undefined;
  readonly line?: number | undefined;
  readonly label: string | null;
  readonly shape?: Shape | undefined;
  /** What several annotators drew, of which they agree on some. */
  readonly votes?: readonly (readonly Vote[])[] | undefined;
  /** COCO's [x, y, width, height] in pixels, and its corners. */
  readonly bbox?: readonly [number, number, number, number] | undefined;
  readonly corners?: readonly [number, number, number, number] | undefined;
  /** Why it outlines nothing. */
  readonly leave?: LeftOut | undefined;
  readonly detail?: string | undefined;
}

/** What an annotation file says of one image. */
export interface AnnotatedImage {
  /** As the file names it; the first of several that is there. */
  readonly image: string | readonly string[];
  readonly size?: { readonly width: number; readonly height: number } | null | undefined;
  readonly objects: readonly DrawnObject[];
  readonly split?: Split | null | undefined;
  readonly group?: string | null | undefined;
  /** Whether somebody has looked at it: then no object means that nothing is there. Left out: yes. */
  readonly isLookedAt?: boolean | undefined;
}

export function plannedMask(file: string, object: DrawnObject): PlannedMask {
  const { id, line, label, shape, votes, bbox, corners, leave, detail } = object;
  return {
    place: { file, line, id },
    label,
    bbox: bbox ?? null,
    corners,
    leave: leave && { code: leave, detail },
    read: async (frame) => (votes ? consensusOf(votes, frame) : shape ? [await drawShape(shape, frame)] : []),
  };
}

/** Gathers what annotation files say of images, on disk, by the image's file. */
export class ObjectPlans {
  readonly #context: FormatContext;
  readonly #spool: Spool;
  readonly #images = new Map<string, PlannedImage>();

  constructor(context: FormatContext) {
    this.#context = context;
    this.#spool = context.openSpool();
  }

  get images(): ReadonlyMap<string, PlannedImage> {
    return this.#images;
  }

  /** Puts the objects to their image; where there is none they are left out. `file` says them. */
  add(file: string, annotated: AnnotatedImage): void {
    const { finder, report } = this.#context;
    const { image, objects, size, split, group, isLookedAt = true } = annotated;
    const given = typeof image === "string" ? [image] : image;
    const found = given.map((one) => finder.find(one, file)).find((one) => one.length > 0) ?? [];
    const [name] = found;
    if (name === undefined || found.length > 1) {
      report.leave("image_missing", {
        file,
        id: given[0],
        count: Math.max(1, objects.filter((object) => object.leave !== "box_only").length),
        detail:
          name === undefined ? `there is no file ${given[0]}` : `${given[0]} may be ${found.join(" or ")}`,
      });
      return;
    }
    const piece = this.#spool.add(Buffer.from(JSON.stringify(objects)));
    const own: PlannedImage = {
      name,
      alsoNamed: [],
      declared: size && size.width > 0 && size.height > 0 ? { ...size, file } : null,
      group,
      split: split ?? null,
      count: objects.filter((object) => !object.leave).length,
      background: isLookedAt && objects.length === 0,
      masks: () => {
        const read = JSON.parse(this.#spool.read(piece).toString("utf8")) as DrawnObject[];
        return read.map((object) => plannedMask(file, object));
      },
    };
    const there = this.#images.get(name);
    this.#images.set(name, there ? joined(there, own) : own);
  }
}

/** One image of which two places say something. */
export function joined(first: PlannedImage, second: PlannedImage): PlannedImage {
  return {
    name: first.name,
    alsoNamed: [...new Set([...first.alsoNamed, ...second.alsoNamed])],
    declared: first.declared ?? second.declared,
    group: first.group ?? second.group,
    split: first.split ?? second.split,
    count: first.count + second.count,
    background: (first.background || second.background) && first.count + second.count === 0,
    masks: async (signal) => [...(await first.masks(signal)), ...(await second.masks(signal))],
  };
}
