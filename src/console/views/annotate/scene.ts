import { drawLayer, layerOf, type Layer, colourOf } from "../../canvas/layer.ts";
import { pathOf, type Ring } from "../../canvas/edit.ts";
import type { View } from "../../canvas/viewport.ts";
import type { BinaryMask } from "../../../imaging/types.ts";
import type { Box } from "../../api/types.ts";
import { type Candidate, saidOf } from "../../state/everything.ts";
import type { Draft, Instance } from "../../state/sketch.ts";

/** All that is on the stage at one moment. */
export interface Scene {
  readonly picture: CanvasImageSource | null;
  readonly size: { readonly width: number; readonly height: number };
  readonly view: View;
  readonly instances: readonly Instance[];
  /** Found without a prompt, and not judged yet. */
  readonly candidates: readonly Candidate[] | null;
  readonly draft: Draft;
  /** What a click here would give. */
  readonly hover: BinaryMask | null;
  /** While it is being dragged. */
  readonly box: Box | null;
  readonly rings: readonly Ring[] | null;
  /** Corners of a polygon that is not closed yet. */
  readonly open: Ring | null;
  readonly brush: { readonly x: number; readonly y: number; readonly radius: number } | null;
  /** Where the keyboard would click, in pixels of the image. */
  readonly cross: readonly [number, number] | null;
  readonly highlighted: string | null;
}

/** Layers are made once for each mask: a mask is never changed in place once it is shown. */
const layers = new WeakMap<BinaryMask, Map<string, Layer | null>>();

function layerFor(mask: BinaryMask, colour: string): Layer | null {
  const byColour = layers.get(mask) ?? new Map<string, Layer | null>();
  layers.set(mask, byColour);
  const known = byColour.get(colour);
  if (known !== undefined) return known;
  const layer = layerOf(mask, colour);
  byColour.set(colour, layer);
  return layer;
}

/** The mask under the brush changes in place. */
export const forgetLayer = (mask: BinaryMask): boolean => layers.delete(mask);

/** The image with its saved objects, as last drawn: while only the draft changes, it is one picture. */
interface Backdrop {
  readonly canvas: HTMLCanvasElement;
  readonly of: readonly unknown[];
}
const backdrops = new WeakMap<HTMLCanvasElement, Backdrop>();

function backdropFor(canvas: HTMLCanvasElement, scene: Scene, ratio: number): HTMLCanvasElement {
  const { picture, view, instances, candidates, highlighted } = scene;
  const { replaces, candidate } = scene.draft;
  const what = [picture, instances, candidates, highlighted, replaces, candidate];
  const of = [...what, view, ratio, canvas.width, canvas.height];
  const known = backdrops.get(canvas);
  if (known?.of.every((value, i) => value === of[i])) return known.canvas;
  const made = known?.canvas ?? document.createElement("canvas");
  [made.width, made.height] = [canvas.width, canvas.height];
  const context = made.getContext("2d");
  if (context) {
    enterImage(context, view, ratio);
    if (picture) context.drawImage(picture, 0, 0, scene.size.width, scene.size.height);
    for (const one of instances) {
      if (one.id === replaces) continue;
      const chosen = one.id === highlighted;
      const colour = colourOf(one.colour);
      mark(context, one.mask, {
        colour,
        alpha: chosen ? 0.6 : 0.38,
        scale: view.scale,
        line: chosen ? 2.5 : 1.5,
      });
    }
    for (const { mask, box, found } of candidates ?? []) {
      if (mask !== candidate)
        mark(context, mask, { colour: "#eab308", alpha: 0.14, scale: view.scale, line: 1 });
      if (found) drawName(context, box, saidOf(found), view.scale);
    }
  }
  backdrops.set(canvas, { canvas: made, of });
  return made;
}

/** Writes what an object is above its box, as large at every zoom. */
function drawName(context: CanvasRenderingContext2D, [x, y]: Box, name: string, scale: number): void {
  context.font = `${12 / scale}px system-ui, sans-serif`;
  context.lineWidth = 3 / scale;
  context.strokeStyle = "#000";
  context.fillStyle = "#fff";
  // Inside the image also for what touches its upper edge.
  const at = Math.max(y - 4 / scale, 12 / scale);
  context.strokeText(name, x, at);
  context.fillText(name, x, at);
}

/** From here on, coordinates are pixels of the image. */
function enterImage(context: CanvasRenderingContext2D, view: View, ratio: number): void {
  context.setTransform(view.scale * ratio, 0, 0, view.scale * ratio, view.x * ratio, view.y * ratio);
  context.imageSmoothingEnabled = view.scale < 3;
}

function mark(
  context: CanvasRenderingContext2D,
  mask: BinaryMask,
  options: { colour: string; alpha: number; scale: number; line: number },
): void {
  const layer = layerFor(mask, options.colour);
  if (layer) drawLayer(context, layer, options);
}

export function paint(canvas: HTMLCanvasElement, scene: Scene, ratio: number): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const { view } = scene;
  const { scale } = view;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.drawImage(backdropFor(canvas, scene, ratio), 0, 0);
  enterImage(context, view, ratio);
  const colour = colourOf(0);
  if (scene.hover && !scene.draft.mask)
    mark(context, scene.hover, { colour, alpha: 0.28, scale, line: 1.25 });
  if (scene.draft.mask) mark(context, scene.draft.mask, { colour, alpha: 0.5, scale, line: 2 });
  drawBox(context, scene.box ?? scene.draft.box, view.scale);
  if (scene.rings) drawRings(context, scene.rings, view.scale);
  if (scene.open) drawOpen(context, scene.open, view.scale);
  for (const [x, y, label] of scene.draft.points) drawPoint(context, x, y, label, view.scale);
  if (scene.brush) drawBrush(context, scene.brush, view.scale);
  if (scene.cross) drawCross(context, scene.cross, view.scale);
}

function drawPoint(
  context: CanvasRenderingContext2D,
  x: number,
  y: number,
  label: 0 | 1,
  scale: number,
): void {
  const r = 7 / scale;
  context.beginPath();
  context.arc(x, y, r, 0, 2 * Math.PI);
  context.fillStyle = label === 1 ? "#2f6fed" : "#d92d20";
  context.fill();
  context.lineWidth = 2 / scale;
  context.strokeStyle = "#ffffff";
  context.stroke();
  context.beginPath();
  context.moveTo(x - r / 2, y);
  context.lineTo(x + r / 2, y);
  if (label === 1) {
    context.moveTo(x, y - r / 2);
    context.lineTo(x, y + r / 2);
  }
  context.stroke();
}

function drawBox(context: CanvasRenderingContext2D, box: Box | null, scale: number): void {
  if (!box) return;
  const [x0, y0, x1, y1] = box;
  context.lineWidth = 3.5 / scale;
  context.strokeStyle = "rgb(255 255 255 / 0.85)";
  context.strokeRect(x0, y0, x1 - x0, y1 - y0);
  context.lineWidth = 1.75 / scale;
  context.strokeStyle = "#2f6fed";
  context.strokeRect(x0, y0, x1 - x0, y1 - y0);
}

function drawRings(context: CanvasRenderingContext2D, rings: readonly Ring[], scale: number): void {
  context.lineWidth = 1.5 / scale;
  context.strokeStyle = "#2f6fed";
  context.stroke(pathOf(rings));
  for (const ring of rings) for (const corner of ring) drawCorner(context, corner, scale);
}

function drawOpen(context: CanvasRenderingContext2D, open: Ring, scale: number): void {
  context.beginPath();
  for (const [x, y] of open) context.lineTo(x, y);
  context.lineWidth = 2 / scale;
  context.strokeStyle = "#2f6fed";
  context.stroke();
  for (const corner of open) drawCorner(context, corner, scale);
}

function drawCorner(context: CanvasRenderingContext2D, [x, y]: Ring[0], scale: number): void {
  const side = 8 / scale;
  context.fillStyle = "#ffffff";
  context.fillRect(x - side / 2, y - side / 2, side, side);
  context.lineWidth = 1.5 / scale;
  context.strokeStyle = "#2f6fed";
  context.strokeRect(x - side / 2, y - side / 2, side, side);
}

function drawBrush(
  context: CanvasRenderingContext2D,
  { x, y, radius }: { x: number; y: number; radius: number },
  scale: number,
): void {
  for (const [colour, width] of [
    ["rgb(0 0 0 / 0.6)", 3],
    ["#ffffff", 1.5],
  ] as const) {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.lineWidth = width / scale;
    context.strokeStyle = colour;
    context.stroke();
  }
}

function drawCross(
  context: CanvasRenderingContext2D,
  [x, y]: readonly [number, number],
  scale: number,
): void {
  for (const [colour, width] of [
    ["#ffffff", 4],
    ["#14181f", 1.5],
  ] as const) {
    const r = 14 / scale;
    context.beginPath();
    context.moveTo(x - r, y);
    context.lineTo(x + r, y);
    context.moveTo(x, y - r);
    context.lineTo(x, y + r);
    context.lineWidth = width / scale;
    context.strokeStyle = colour;
    context.stroke();
  }
}
