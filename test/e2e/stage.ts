import type { Locator, Page } from "playwright-core";
import type { RleMask } from "../../src/imaging/types.ts";

interface StageReport {
  /** From the event of the hand letting go to the first task after the frame that has painted the mask. */
  latencies: { ms: number; from: "browser" | "server" }[];
  preview: { point: [number, number]; mask: RleMask } | null;
  draft: { points: [number, number, number][]; mask: RleMask } | null;
}

/** The annotation page's canvas, by pixels of the image. */
export class StageHand {
  readonly canvas: Locator;
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
    this.canvas = page.locator("canvas.stage-canvas");
  }

  async ready(): Promise<void> {
    await this.#page.locator("canvas.stage-canvas[data-ready][data-view]").waitFor();
  }

  /** Where a pixel of the image lies on the screen. */
  async at(x: number, y: number): Promise<{ x: number; y: number }> {
    const box = await this.canvas.boundingBox();
    const view = JSON.parse((await this.canvas.getAttribute("data-view")) ?? "null") as {
      scale: number;
      x: number;
      y: number;
    };
    if (!box) throw new Error("the stage is not on the page");
    return { x: box.x + view.x + x * view.scale, y: box.y + view.y + y * view.scale };
  }

  async moveTo(x: number, y: number): Promise<void> {
    const at = await this.at(x, y);
    await this.#page.mouse.move(at.x, at.y);
  }

  async click(x: number, y: number, options: { shift?: boolean } = {}): Promise<void> {
    const at = await this.at(x, y);
    if (options.shift) await this.#page.keyboard.down("Shift");
    await this.#page.mouse.click(at.x, at.y);
    if (options.shift) await this.#page.keyboard.up("Shift");
  }

  async drag(from: readonly [number, number], to: readonly [number, number]): Promise<void> {
    const [start, end] = [await this.at(...from), await this.at(...to)];
    await this.#page.mouse.move(start.x, start.y);
    await this.#page.mouse.down();
    await this.#page.mouse.move(end.x, end.y, { steps: 8 });
    await this.#page.mouse.up();
  }

  async segmented(): Promise<void> {
    await this.#page.getByText(/Predicted IoU/).waitFor();
  }

  /** How fast each click so far had its mask, the preview that is shown, and what is being drawn. */
  async report(): Promise<StageReport> {
    await this.canvas.dispatchEvent("maskwright:report");
    return JSON.parse((await this.canvas.getAttribute("data-report")) ?? "null") as StageReport;
  }
}
