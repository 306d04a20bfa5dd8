import { effect } from "@preact/signals";
import { fit, isInside, pan, toImage, type View, zoom } from "../../canvas/viewport.ts";
import { encodeRle } from "../../../imaging/rle.ts";
import type { BinaryMask } from "../../../imaging/types.ts";
import type { Ring } from "../../canvas/edit.ts";
import type { Box } from "../../api/types.ts";
import type { Everything } from "../../state/everything.ts";
import { type Draft, emptyDraft, type Sketch } from "../../state/sketch.ts";
import { toast } from "../../state/toasts.ts";
import { background, brushSize, preview, tool } from "../../state/tools.ts";
import { Answers } from "./answers.ts";
import { highlighted } from "./highlight.ts";
import { Painting, Polygons } from "./hands.ts";
import { Pointers, type Press } from "./pointers.ts";
import { loadPicture } from "./picture.ts";
import { forgetLayer, paint } from "./scene.ts";
import { tenth } from "./previews.ts";
import { Segmenter } from "./segmenter.ts";

/** Between the hand and the sketch: pointers and keys become prompts, strokes and views; and what is there is painted. */
export class Controller {
  readonly #canvas: HTMLCanvasElement;
  readonly #sketch: Sketch;
  readonly #everything: Everything;
  readonly #segmenter: Segmenter;
  readonly #answers: Answers;
  readonly #ends: (() => void)[] = [];
  #picture: CanvasImageSource | null = null;
  #view: View = { scale: 1, x: 0, y: 0 };
  #hover: BinaryMask | null = null;
  #box: Box | null = null;
  #painting: Painting | null = null;
  #polygons: Polygons | null = null;
  #open: [number, number][] = [];
  #at: [number, number] | null = null;
  #cross: [number, number] | null = null;
  #frame = 0;

  constructor(canvas: HTMLCanvasElement, sketch: Sketch, everything: Everything) {
    this.#canvas = canvas;
    this.#sketch = sketch;
    this.#everything = everything;
    this.#segmenter = new Segmenter(sketch, (mask) => this.#showHover(mask));
    this.#answers = new Answers(sketch, this.#segmenter);
    const pointers = new Pointers(canvas, {
      down: (press) => this.#down(press),
      move: (press, x, y) => this.#move(press, x, y),
      up: (press, x, y, time) => this.#up(press, [x, y], time),
      hover: (x, y) => this.#hoverAt(x, y),
      pan: (dx, dy) => this.#look(pan(this.#view, dx, dy)),
      zoom: (factor, x, y) => this.#look(zoom(this.#view, factor, x, y)),
      wantsPan: () => tool.value === "pan",
    });
    const sized = new ResizeObserver(() => this.#resize());
    sized.observe(canvas);
    this.#ends.push(
      () => pointers.close(),
      () => sized.disconnect(),
      () => this.#segmenter.close(),
      () => cancelAnimationFrame(this.#frame),
      effect(() => this.#onChange()),
    );
    canvas.addEventListener("blur", () => this.#setCross(null));
    void this.#load();
    canvas.addEventListener("maskwright:report", () => {
      canvas.dataset["report"] = JSON.stringify(this.#report());
    });
  }

  /** For the tests: what is shown, and how fast it came. */
  #report(): Record<string, unknown> {
    const { points, mask } = this.#sketch.draft.value;
    return {
      latencies: this.#answers.latencies,
      preview: this.#hover && { point: this.#segmenter.previewed, mask: encodeRle(this.#hover) },
      draft: mask && { points, mask: encodeRle(mask) },
    };
  }

  async #load(): Promise<void> {
    try {
      this.#picture = await loadPicture(this.#sketch.projectId, this.#sketch.image);
      this.#canvas.dataset["ready"] = "true";
      this.repaint();
    } catch {
      toast("The image can't be shown.", { bad: true });
    }
  }

  close(): void {
    for (const end of this.#ends) end();
  }

  #onChange(): void {
    const draft = this.#sketch.draft.value;
    void [this.#sketch.instances.value, this.#everything.left.value, highlighted.value, brushSize.value];
    if (draft.mask || !preview.value) this.#hover = null;
    if (tool.value === "polygon") {
      this.#polygons ??= new Polygons(this.#sketch);
      this.#polygons.follow();
    } else {
      this.#polygons = null;
      this.#open = [];
    }
    this.#canvas.dataset["tool"] = tool.value;
    this.repaint();
  }

  #resize(): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const first = this.#canvas.dataset["sized"] === undefined;
    this.#canvas.width = Math.round(width * devicePixelRatio);
    this.#canvas.height = Math.round(height * devicePixelRatio);
    this.#canvas.dataset["sized"] = "true";
    if (first) this.fit();
    else this.repaint();
  }

  fit(): void {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    this.#look(fit(this.#sketch.image, { width, height }));
  }

  /** Round the middle of the stage. */
  zoomBy(factor: number): void {
    this.#look(zoom(this.#view, factor, this.#canvas.clientWidth / 2, this.#canvas.clientHeight / 2));
  }

  #look(view: View): void {
    this.#view = view;
    this.#canvas.dataset["view"] = JSON.stringify(view);
    this.repaint();
  }

  #image(x: number, y: number): [number, number] {
    return toImage(this.#view, this.#sketch.image, x, y);
  }

  get #radius(): number {
    return brushSize.value / 2 / this.#view.scale;
  }

  get #reach(): number {
    return 10 / this.#view.scale;
  }

  #down(press: Press): void {
    const at = this.#image(press.x, press.y);
    if (tool.value === "brush" || tool.value === "eraser") {
      this.#painting = new Painting(this.#sketch, tool.value === "brush" ? 1 : 0, at, this.#radius);
    } else if (this.#polygons) {
      const grabbed = this.#open.length === 0 && this.#polygons.grab(at, this.#reach);
      if (grabbed && (press.alt || press.right)) this.#polygons.cut();
      else if (!grabbed) this.#corner(at);
    }
    this.repaint();
  }

  /** A corner of a new polygon; one on the first closes it. */
  #corner(at: [number, number]): void {
    const first = this.#open[0];
    const closes = first && Math.hypot(first[0] - at[0], first[1] - at[1]) <= this.#reach;
    if (closes && this.#open.length >= 3) this.closePolygon();
    else this.#open = [...this.#open, at];
  }

  /** True when there was an open polygon of three corners or more. */
  closePolygon(): boolean {
    const ring: Ring = this.#open;
    this.#open = [];
    if (ring.length < 3 || !this.#polygons) return false;
    this.#polygons.add(ring);
    return true;
  }

  /** Takes back what is not a step yet. True when there was something. */
  escape(): boolean {
    const had = this.#open.length > 0;
    this.#open = [];
    this.repaint();
    return had;
  }

  #move(press: Press, x: number, y: number): void {
    const at = this.#image(x, y);
    this.#at = at;
    if (this.#painting) {
      this.#painting.to(at, this.#radius);
      forgetLayer(this.#painting.mask);
    } else if (this.#polygons) this.#polygons.pull(at);
    else if (tool.value === "click" && press.dragged) {
      const [x0, y0] = this.#image(press.x, press.y);
      const [x1, y1] = at;
      this.#box = [Math.min(x0, x1), Math.min(y0, y1), Math.max(x0, x1), Math.max(y0, y1)];
      this.#segmenter.expect(this.#box);
    }
    this.repaint();
  }

  #up(press: Press, [x, y]: [number, number], time: number): void {
    if (this.#painting) {
      forgetLayer(this.#painting.mask);
      this.#painting.end();
      this.#painting = null;
    } else if (this.#polygons?.held) this.#polygons.release();
    else if (tool.value === "click") {
      const box = this.#box;
      this.#box = null;
      if (box && box[2] - box[0] > 1 && box[3] - box[1] > 1)
        this.#ask({ ...this.#sketch.draft.value, box }, time);
      else if (isInside(this.#view, this.#sketch.image, x, y)) {
        this.#click(this.#image(x, y), press.shift || press.right, time);
      }
    }
    this.repaint();
  }

  #click([x, y]: [number, number], negative: boolean, time: number): void {
    const draft = this.#sketch.draft.value;
    const label = negative || background.value ? 0 : 1;
    if (label === 1 && this.#everything.pick(x, y)) return;
    this.#ask({ ...draft, points: [...draft.points, [tenth(x), tenth(y), label]] }, time);
  }

  #ask(draft: Draft, time: number): void {
    this.#hover = null;
    this.#answers.ask(draft, time);
  }

  #hoverAt(x: number, y: number): void {
    const at = this.#image(x, y);
    this.#at = at;
    if (this.#cross) this.#setCross(null);
    const wanted =
      tool.value === "click" &&
      preview.value &&
      this.#sketch.draft.value === emptyDraft &&
      isInside(this.#view, this.#sketch.image, x, y);
    if (wanted) this.#segmenter.preview(at);
    else if (this.#hover) this.#showHover(null);
    if (tool.value === "brush" || tool.value === "eraser") this.repaint();
  }

  #showHover(mask: BinaryMask | null): void {
    this.#canvas.dataset["preview"] = mask ? this.#segmenter.previewsFrom : "none";
    this.#hover = this.#sketch.draft.value === emptyDraft ? mask : null;
    this.repaint();
  }

  #setCross(at: [number, number] | null): void {
    this.#cross = at;
    this.repaint();
  }

  /** Moves the crosshair by pixels of the screen. */
  step(dx: number, dy: number): void {
    const { width, height } = this.#sketch.image;
    const [x, y] = this.#cross ?? [width / 2, height / 2];
    const clamp = (value: number, most: number): number => Math.min(most, Math.max(0, value));
    this.#setCross([clamp(x + dx / this.#view.scale, width), clamp(y + dy / this.#view.scale, height)]);
  }

  clickAtCross(negative: boolean): void {
    if (!this.#cross) this.step(0, 0);
    if (this.#cross) this.#click(this.#cross, negative, performance.now());
  }

  repaint(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#paint());
  }

  #paint(): void {
    const draft = this.#sketch.draft.value;
    const brushes = tool.value === "brush" || tool.value === "eraser";
    const [x, y] = this.#at ?? [0, 0];
    paint(
      this.#canvas,
      {
        picture: this.#picture,
        size: this.#sketch.image,
        view: this.#view,
        instances: this.#sketch.instances.value,
        candidates: this.#everything.left.value,
        draft: this.#painting ? { ...draft, mask: this.#painting.mask } : draft,
        hover: this.#hover,
        box: this.#box,
        rings: this.#polygons?.rings ?? null,
        open: this.#open.length > 0 ? this.#open : null,
        brush: brushes && this.#at ? { x, y, radius: this.#radius } : null,
        cross: this.#cross,
        highlighted: highlighted.value,
      },
      devicePixelRatio,
    );
  }
}
