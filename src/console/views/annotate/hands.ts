import { copyMask, distance, emptyMask, fillRings, type Ring, ringsOf, stroke } from "../../canvas/edit.ts";
import type { BinaryMask } from "../../../imaging/types.ts";
import type { Sketch } from "../../state/sketch.ts";

/** A brush or eraser on its way: the mask changes in place until the hand is lifted. */
export class Painting {
  readonly mask: BinaryMask;
  readonly #sketch: Sketch;
  readonly #value: 0 | 1;
  #last: [number, number];

  constructor(sketch: Sketch, value: 0 | 1, at: [number, number], radius: number) {
    const { mask } = sketch.draft.value;
    const { width, height } = sketch.image;
    this.mask = mask ? copyMask(mask) : emptyMask(width, height);
    this.#sketch = sketch;
    this.#value = value;
    this.#last = at;
    this.to(at, radius);
  }

  to(at: [number, number], radius: number): void {
    stroke(this.mask, this.#last, at, { radius, value: this.#value });
    this.#last = at;
  }

  end(): void {
    this.#sketch.draw({ ...this.#sketch.draft.value, mask: this.mask, byHand: true, score: null });
  }
}

/** A mask as polygons whose corners can be pulled, set and taken away. */
export class Polygons {
  rings: Ring[];
  /** Place of the corner that is held. */
  held: [number, number] | null = null;
  readonly #sketch: Sketch;
  #shown: BinaryMask | null;

  constructor(sketch: Sketch) {
    this.#sketch = sketch;
    this.#shown = sketch.draft.value.mask;
    this.rings = this.#shown ? ringsOf(this.#shown, 1.5) : [];
  }

  /** Follows the draft where something else has changed it: undo, a click. */
  follow(): void {
    const { mask } = this.#sketch.draft.value;
    if (mask === this.#shown) return;
    this.#shown = mask;
    this.rings = mask ? ringsOf(mask, 1.5) : [];
    this.held = null;
  }

  /** Takes hold of the corner at `at`, or of a new one on the edge there. False: nothing is near. */
  grab(at: [number, number], reach: number): boolean {
    let best = reach;
    for (const [r, ring] of this.rings.entries()) {
      for (const [c, [x, y]] of ring.entries()) {
        const away = Math.hypot(x - at[0], y - at[1]);
        if (away <= best) [best, this.held] = [away, [r, c]];
      }
    }
    if (this.held) return true;
    for (const [r, ring] of this.rings.entries()) {
      for (const [c, corner] of ring.entries()) {
        const next = ring[(c + 1) % ring.length] as Ring[0];
        if (distance(at, corner, next) > reach) continue;
        this.rings[r] = [...ring.slice(0, c + 1), at, ...ring.slice(c + 1)];
        this.held = [r, c + 1];
        return true;
      }
    }
    return false;
  }

  pull(to: [number, number]): void {
    if (!this.held) return;
    const [r, c] = this.held;
    this.rings[r] = (this.rings[r] as Ring).map((corner, i) => (i === c ? to : corner));
  }

  /** Takes away the corner that is held; a ring of fewer than three goes with it. */
  cut(): void {
    if (!this.held) return;
    const [r, c] = this.held;
    const ring = (this.rings[r] as Ring).filter((_, i) => i !== c);
    this.rings = this.rings.flatMap((old, i) => (i !== r ? [old] : ring.length >= 3 ? [ring] : []));
    this.release();
  }

  add(ring: Ring): void {
    this.rings = [...this.rings, ring];
    this.release();
  }

  /** Puts the polygons into the draft. */
  release(): void {
    this.held = null;
    const { width, height } = this.#sketch.image;
    const mask = fillRings(this.rings, width, height);
    this.#shown = mask;
    this.#sketch.draw({ ...this.#sketch.draft.value, mask, byHand: true, score: null });
  }
}
