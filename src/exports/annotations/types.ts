import type { ExportedAnnotation, ExportedImage } from "../../db/queries/export-rows.ts";

/** Formats that annotations go out in; all but COCO's are zips. */
export const annotationFormats = ["coco", "yolo", "label_studio", "cvat", "voc", "labelme"] as const;
export type AnnotationFormat = (typeof annotationFormats)[number];

/** `masks` are exact whatever the object; `polygons` are outlines. */
export const annotationShapes = ["masks", "polygons"] as const;
export type AnnotationShapes = (typeof annotationShapes)[number];

/** What each format can hold; the first is what it is asked for without a word. */
export const shapesOf: Readonly<
  Record<AnnotationFormat, readonly [AnnotationShapes, ...AnnotationShapes[]]>
> = {
  coco: ["masks", "polygons"],
  yolo: ["polygons"],
  label_studio: ["masks", "polygons"],
  cvat: ["masks", "polygons"],
  voc: ["masks"],
  labelme: ["polygons", "masks"],
};

export interface AnnotationExport {
  readonly format: AnnotationFormat;
  readonly shapes: AnnotationShapes;
  /** Pixels that corners of polygons may lie off the mask's own edge; 0: none. */
  readonly tolerance: number;
}

/** What is known before the first image. */
export interface ExportHead {
  readonly projectId: string;
  /** Labels of the annotations, in the order of their names; null last, where some have none. */
  readonly labels: readonly (string | null)[];
  /** File names, or stems, that more than one image has: such images go by their ids. */
  readonly shared: ReadonlySet<string>;
}

/** An image with some of its annotations; one of many comes several times in a row. */
export interface ExportedPart {
  readonly image: ExportedImage;
  readonly annotations: readonly ExportedAnnotation[];
}

/** An image with all of its annotations, which come when they are asked for, once. */
export interface ExportedItem {
  readonly image: ExportedImage;
  /** Whether it has no annotation. */
  readonly isEmpty: boolean;
  readonly annotations: AsyncIterable<ExportedAnnotation>;
}
