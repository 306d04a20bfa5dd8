import { signal } from "@preact/signals";
import type { VersionName } from "./predict.ts";

export type Tool = "click" | "brush" | "eraser" | "polygon" | "pan";

/** How one annotates: kept from image to image. */
export const tool = signal<Tool>("click");
/** The next click says "not this": for a hand without a Shift key. */
export const background = signal(false);
/** In pixels of the screen, so that it feels the same at every zoom. */
export const brushSize = signal(24);
export const version = signal<VersionName>("active");
export const preview = signal(true);

export const resizeBrush = (by: number): void => {
  brushSize.value = Math.min(200, Math.max(4, Math.round(brushSize.value * by)));
};
