import type { Everything } from "../../state/everything.ts";
import type { Sketch } from "../../state/sketch.ts";
import { background, preview, resizeBrush, tool } from "../../state/tools.ts";
import type { Controller } from "./controller.ts";

export interface Actions {
  readonly accept: () => Promise<boolean>;
  readonly undo: () => Promise<boolean>;
  readonly redo: () => Promise<boolean>;
  readonly everything: () => Promise<boolean>;
  /** Null where the version can't find its objects by itself. */
  readonly find: (() => Promise<boolean>) | null;
  readonly before: () => void;
  readonly after: () => void;
}

export const shortcuts = [
  ["Click", "This is it"],
  ["Shift + click, right click", "This is not"],
  ["Drag", "A box round it"],
  ["Enter", "Accept the mask"],
  ["Escape", "Start over"],
  ["C B E P H", "Click, brush, eraser, polygon, hand"],
  ["S, then Enter or N", "Segment everything, accept or skip one"],
  ["F, then Enter or N", "Find the objects that the model was taught, accept or skip one"],
  ["X", "Swap foreground and background"],
  ["V", "Preview on or off"],
  ["[ ]", "Smaller, larger brush"],
  ["Ctrl + Z, Ctrl + Shift + Z", "Undo, redo"],
  ["Wheel, + −, 0", "Zoom, fit"],
  ["Middle button, Space + drag", "Pan"],
  ["1 … 9", "Label"],
  ["Page Up, Page Down", "Image before, next image"],
  ["Arrows, Space", "Move the crosshair, click there"],
] as const;

interface Keyboard {
  readonly sketch: Sketch;
  readonly everything: Everything;
  readonly controller: () => Controller | null;
  readonly actions: Actions;
  readonly labels: readonly string[];
}

/** The keyboard of the annotation page, but for where one types. Returns a function that ends it. */
export function listenToKeys(keyboard: Keyboard): () => void {
  const stop = new AbortController();
  addEventListener(
    "keydown",
    (event) => {
      const { target } = event;
      if (document.querySelector("dialog[open]")) return;
      const typing = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
      // Enter in the label's field accepts, too: one types the name and is done.
      if (typing && !(event.key === "Enter" && target instanceof HTMLInputElement)) return;
      if (target instanceof HTMLButtonElement && (event.key === "Enter" || event.key === " ")) return;
      if (handle(event, keyboard)) event.preventDefault();
    },
    { signal: stop.signal },
  );
  return () => stop.abort();
}

const steps: Record<string, readonly [number, number]> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

function handle(event: KeyboardEvent, keyboard: Keyboard): boolean {
  const { sketch, everything, controller, actions, labels } = keyboard;
  const stage = controller();
  const { key } = event;
  if (event.ctrlKey || event.metaKey) {
    if (key.toLowerCase() === "z") void (event.shiftKey ? actions.redo() : actions.undo());
    else if (key.toLowerCase() === "y") void actions.redo();
    else return false;
    return true;
  }
  const step = steps[key];
  const onStage = document.activeElement instanceof HTMLCanvasElement;
  if (step && onStage) stage?.step(step[0] * (event.altKey ? 1 : 12), step[1] * (event.altKey ? 1 : 12));
  else if (key === " " && onStage) stage?.clickAtCross(event.shiftKey);
  else if (key === "Enter") accept(sketch, stage, actions);
  else if (key === "Escape") {
    if (!stage?.escape()) {
      everything.close();
      sketch.clear();
    }
  } else if (key === "PageUp") actions.before();
  else if (key === "PageDown") actions.after();
  else if (/^[1-9]$/.test(key) && labels[Number(key) - 1] !== undefined)
    sketch.label.value = labels[Number(key) - 1] ?? "";
  else if (key.toLowerCase() === "s") void actions.everything();
  else if (key.toLowerCase() === "f" && actions.find) void actions.find();
  else if (key.toLowerCase() === "n" && everything.open.value) everything.skip();
  else return letter(key, stage);
  return true;
}

function accept(sketch: Sketch, stage: Controller | null, actions: Actions): void {
  if (stage?.closePolygon()) return;
  if (sketch.draft.value.mask) void actions.accept();
}

function letter(key: string, stage: Controller | null): boolean {
  const doings: Record<string, () => void> = {
    c: () => (tool.value = "click"),
    b: () => (tool.value = "brush"),
    e: () => (tool.value = "eraser"),
    p: () => (tool.value = "polygon"),
    h: () => (tool.value = "pan"),
    x: () => (background.value = !background.value),
    v: () => (preview.value = !preview.value),
    "[": () => resizeBrush(1 / 1.25),
    "]": () => resizeBrush(1.25),
    "+": () => stage?.zoomBy(1.25),
    "=": () => stage?.zoomBy(1.25),
    "-": () => stage?.zoomBy(0.8),
    "0": () => stage?.fit(),
  };
  const doing = doings[key.toLowerCase()];
  doing?.();
  return doing !== undefined;
}
