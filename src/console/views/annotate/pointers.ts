/** A pointer that is down: where it came, in CSS pixels of the stage. */
export interface Press {
  readonly x: number;
  readonly y: number;
  readonly shift: boolean;
  readonly alt: boolean;
  readonly right: boolean;
  /** It has moved further than a hand trembles. */
  dragged: boolean;
}

interface Handlers {
  down(press: Press): void;
  move(press: Press, x: number, y: number): void;
  /** `time` is when it was let go: what makes a click one. */
  up(press: Press, x: number, y: number, time: number): void;
  hover(x: number, y: number): void;
  pan(dx: number, dy: number): void;
  zoom(factor: number, x: number, y: number): void;
  wantsPan(): boolean;
}

const tremble = 4;

/** Mouse, pen and fingers: one presses, the middle button or Space pans, the wheel zooms, two fingers do both. */
export class Pointers {
  readonly #canvas: HTMLCanvasElement;
  readonly #on: Handlers;
  readonly #stop = new AbortController();
  readonly #fingers = new Map<number, { x: number; y: number }>();
  #press: Press | null = null;
  #panning = false;
  #space = false;

  constructor(canvas: HTMLCanvasElement, on: Handlers) {
    this.#canvas = canvas;
    this.#on = on;
    const { signal } = this.#stop;
    canvas.addEventListener("pointerdown", (event) => this.#down(event), { signal });
    canvas.addEventListener("pointermove", (event) => this.#move(event), { signal });
    canvas.addEventListener("pointerup", (event) => this.#up(event), { signal });
    canvas.addEventListener("pointercancel", (event) => this.#drop(event), { signal });
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { signal, passive: false });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
    addEventListener("keydown", (event) => (this.#space ||= event.code === "Space"), { signal });
    addEventListener("keyup", (event) => (this.#space &&= event.code !== "Space"), { signal });
  }

  close(): void {
    this.#stop.abort();
  }

  #place(event: MouseEvent): [number, number] {
    const { left, top } = this.#canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  #down(event: PointerEvent): void {
    const [x, y] = this.#place(event);
    this.#canvas.setPointerCapture(event.pointerId);
    this.#fingers.set(event.pointerId, { x, y });
    if (this.#fingers.size > 1) {
      this.#press = null;
      return;
    }
    if (event.button === 1 || this.#space || this.#on.wantsPan()) {
      this.#panning = true;
      return;
    }
    this.#press = {
      x,
      y,
      shift: event.shiftKey,
      alt: event.altKey,
      right: event.button === 2,
      dragged: false,
    };
    this.#on.down(this.#press);
  }

  #move(event: PointerEvent): void {
    const [x, y] = this.#place(event);
    const last = this.#fingers.get(event.pointerId);
    if (!last) {
      this.#on.hover(x, y);
      return;
    }
    if (this.#fingers.size === 2) this.#pinch(event.pointerId, last, x, y);
    else if (this.#panning) this.#on.pan(x - last.x, y - last.y);
    else if (this.#press) {
      this.#press.dragged ||= Math.hypot(x - this.#press.x, y - this.#press.y) > tremble;
      this.#on.move(this.#press, x, y);
    }
    this.#fingers.set(event.pointerId, { x, y });
  }

  #pinch(id: number, last: { x: number; y: number }, x: number, y: number): void {
    const other = [...this.#fingers].find(([key]) => key !== id)?.[1];
    if (!other) return;
    const before = Math.hypot(last.x - other.x, last.y - other.y);
    const now = Math.hypot(x - other.x, y - other.y);
    this.#on.pan((x - last.x) / 2, (y - last.y) / 2);
    if (before > 0) this.#on.zoom(now / before, (x + other.x) / 2, (y + other.y) / 2);
  }

  #up(event: PointerEvent): void {
    const press = this.#press;
    const [x, y] = this.#place(event);
    this.#drop(event);
    if (press) this.#on.up(press, x, y, event.timeStamp);
  }

  #drop(event: PointerEvent): void {
    this.#fingers.delete(event.pointerId);
    this.#press = null;
    this.#panning = false;
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault();
    const [x, y] = this.#place(event);
    const lines = event.deltaMode === 1 ? 20 : 1;
    this.#on.zoom(Math.exp((-event.deltaY * lines) / 400), x, y);
  }
}
