import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { drawPage } from "../../examples/demo/pages.ts";
import { boxOf } from "../../src/imaging/geometry.ts";
import { iou } from "../../src/imaging/metrics.ts";
import { decodeRle } from "../../src/imaging/rle.ts";
import type { BinaryMask, RleMask } from "../../src/imaging/types.ts";
import {
  look,
  openBrowser,
  openPage,
  seriousFaults,
  shoot,
  signIn,
  sticksOut,
  themes,
  widths,
} from "./browser.ts";
import { Server } from "./server.ts";
import { StageHand } from "./stage.ts";

interface Row {
  id: string;
  file_name: string | null;
  label: string | null;
  mask: RleMask;
}
interface List<T> {
  data: T[];
}

/** Looks until it is so; on a busy machine that takes a while. */
const poll = <T>(look: () => T | Promise<T>) => expect.poll(look, { timeout: 300_000 });

let server: Server;
let browser: Browser;
let page: Page;
let faults: string[];
let stage: StageHand;
/** `/projects/prj_…` once there is one. */
let place = "";
let project = "";
/** A page that the example doesn't have, and the ink of its first stamp. */
let fresh: { name: string; jpeg: Buffer; truth: BinaryMask }[];

beforeAll(async () => {
  fresh = [];
  for (const index of [0, 1]) {
    const { jpeg, stamps } = await drawPage(4021, index);
    const truth = stamps[0]?.mask;
    if (!truth) throw new Error("the page has no stamp");
    fresh.push({ name: `letter-${index + 1}.jpg`, jpeg, truth });
  }
  server = await Server.start();
  browser = await openBrowser();
  ({ page, faults } = await openPage(browser, server.url));
  stage = new StageHand(page);
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
});

const tab = (name: string): Promise<void> =>
  page.getByRole("navigation", { name: "Project" }).getByRole("link", { name }).click();
const annotations = async (imageId: string): Promise<Row[]> =>
  (await server.get<List<Row>>(`/v1${place}/annotations?image_id=${imageId}`)).data;
const live = async (): Promise<number | null> =>
  (await server.get<{ active_version: number | null }>(`/v1${place}`)).active_version;

describe("somebody who has never read the docs", () => {
  it("is told that a key is wrong, and signs in with the right one", async () => {
    await shoot(page, "sign-in-light-wide");
    await page.getByLabel("API key").fill("mw_wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("This key is not known").waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    await signIn(page, server.key);
    const kept = await page.evaluate(
      () => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie,
    );
    expect(kept).not.toContain(server.key);
    expect(kept).not.toContain("mw_");
  });

  it("opens the example project with one click", async () => {
    await page.getByText("First run").waitFor();
    await shoot(page, "first-run-light-wide");
    await page.getByRole("button", { name: "Open the example project" }).click();
    await page.waitForURL(/#\/projects\/prj_[^/]+\/fine-tune/);
    project = /(prj_[^/]+)/.exec(page.url())?.[1] ?? "";
    place = `/projects/${project}`;
    await page.getByText("30 labelled images").waitFor();
  });

  it("lets no version go live by itself, for now", async () => {
    await tab("Settings");
    await page.getByLabel("Never by itself").check();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved.").waitFor();
    expect(await server.get(`/v1${place}`)).toMatchObject({ promotion_policy: "manual" });
  });

  it("uploads pages, and is told which file is bad and why", async () => {
    await tab("Images");
    await page
      .getByLabel("Images or zips to upload")
      .setInputFiles([
        ...fresh.map(({ name, jpeg }) => ({ name, mimeType: "image/jpeg", buffer: jpeg })),
        { name: "notes.jpg", mimeType: "image/jpeg", buffer: Buffer.from("this is no image") },
      ]);
    const uploads = page.getByRole("region", { name: "Uploads" });
    await uploads.getByText("2 of 3 files uploaded").waitFor();
    await uploads.getByText("1 failed").waitFor();
    await uploads.getByText(/none of JPEG, PNG, WebP and TIFF/).waitFor();
    await shoot(page, "upload-light-wide");
    await page.getByRole("button", { name: "Unlabelled" }).click();
    await poll(() => page.locator(".tile").count()).toBe(2);
  });

  it("clicks on a stamp, corrects the mask, and accepts it with one key", async () => {
    await page.locator(".tile", { hasText: "letter-1.jpg" }).click();
    await stage.ready();
    const [x0, y0, x1, y1] = boxOf(fresh[0]?.truth as BinaryMask);
    await stage.drag([x0, y0], [x1, y1]);
    await stage.segmented();
    await stage.click(x0 + 3, y0 + 3, { shift: true });
    await stage.segmented();
    await shoot(page, "annotate-click-light-wide");
    // By hand: a stroke of the brush, taken back, and one of the eraser.
    await page.keyboard.press("b");
    await stage.drag([x0, y0], [x1, y0]);
    await page.getByText("Corrected by hand").waitFor();
    await page.keyboard.press("Control+z");
    await page.getByText(/Predicted IoU/).waitFor();
    await page.keyboard.press("Control+Shift+z");
    await page.getByText("Corrected by hand").waitFor();
    await page.keyboard.press("e");
    await stage.drag([x0, y0], [x1, y0]);
    await page.keyboard.press("c");
    await page.getByLabel("Label", { exact: true }).fill("by hand");
    await page.locator("canvas.stage-canvas").focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Delete by hand" }).waitFor();
    const imageId = /annotate\/([^/?]+)/.exec(page.url())?.[1] ?? "";
    const [row, ...more] = await annotations(imageId);
    expect(more).toEqual([]);
    expect(row?.label).toBe("by hand");
    const mask = decodeRle(row?.mask as RleMask);
    expect(mask.width).toBe(fresh[0]?.truth.width);
    // The eraser went along the upper edge, over what the brush had painted.
    expect(mask.data.subarray(y0 * mask.width + x0 + 8, y0 * mask.width + x1 - 8).includes(1)).toBe(false);
    expect(iou(mask, fresh[0]?.truth as BinaryMask)).toBeGreaterThan(0.1);
  });

  it("takes an accepted mask back, and gives it again", async () => {
    const imageId = /annotate\/([^/?]+)/.exec(page.url())?.[1] ?? "";
    await page.getByRole("button", { name: /^Undo/ }).click();
    await poll(async () => (await annotations(imageId)).length).toBe(0);
    await page.getByRole("button", { name: /^Redo/ }).click();
    await poll(async () => (await annotations(imageId)).length).toBe(1);
  });

  it("pulls a corner of the polygon", async () => {
    const imageId = /annotate\/([^/?]+)/.exec(page.url())?.[1] ?? "";
    const before = await annotations(imageId);
    await page.locator(".object", { hasText: "by hand" }).click();
    await page.keyboard.press("p");
    const { width, height } = fresh[0]?.truth as BinaryMask;
    // A triangle in the corner of the page, closed by Enter.
    await stage.click(width - 60, height - 60);
    await stage.click(width - 20, height - 60);
    await stage.click(width - 20, height - 20);
    await page.keyboard.press("Enter");
    await stage.drag([width - 60, height - 60], [width - 70, height - 70]);
    await shoot(page, "annotate-polygon-light-wide");
    await page.keyboard.press("Enter");
    await poll(async () => (await annotations(imageId))[0]?.id).not.toBe(before[0]?.id);
    const [row] = await annotations(imageId);
    const mask = decodeRle(row?.mask as RleMask);
    expect(mask.data[(height - 58) * mask.width + width - 50]).toBe(1);
    expect(mask.data[(height - 30) * mask.width + width - 60]).toBe(0);
    await page.keyboard.press("c");
  });

  it("sees each click's mask at once", async () => {
    await page.reload();
    await stage.ready();
    await page.keyboard.press("v");
    const [x0, y0, x1, y1] = boxOf(fresh[0]?.truth as BinaryMask);
    for (let i = 0; i < 25; i++) {
      await page.keyboard.press("Escape");
      await stage.click(x0 + ((x1 - x0) * (i + 1)) / 26, (y0 + y1) / 2);
      await stage.segmented();
      await poll(async () => (await stage.report()).latencies.length).toBe(i + 1);
    }
    await page.keyboard.press("Escape");
    await page.keyboard.press("v");
    // The first one may have waited for the embedding.
    const sorted = (await stage.report()).latencies.slice(1).toSorted((a, b) => a - b);
    const quantile = (share: number): string => (sorted[Math.floor(sorted.length * share)] ?? 0).toFixed(0);
    console.log(
      `click to mask on screen, cached embedding: median ${quantile(0.5)} ms, 90 % ${quantile(0.9)} ms (${sorted.length} clicks)`,
    );
  });

  it("sees the same preview from the browser's decoder as from the server's", async () => {
    await page.goto(`${page.url()}?decoder=browser`);
    await page.reload();
    await stage.ready();
    const [x0, y0, x1, y1] = boxOf(fresh[0]?.truth as BinaryMask);
    const at = await stage.at((x0 + x1) / 2, y0 + 0.4 * (y1 - y0));
    let nudge = 0;
    await poll(async () => {
      await page.mouse.move(at.x + (nudge++ % 2), at.y);
      await page.waitForTimeout(300);
      return stage.canvas.getAttribute("data-preview");
    }).toBe("browser");
    const { point, mask } = (await stage.report()).preview ?? {};
    const imageId = /annotate\/([^/?]+)/.exec(page.url())?.[1] ?? "";
    const asked = { image: { id: imageId }, prompts: [{ points: [[...(point ?? []), 1]] }] };
    const answer = await server.post<{ results: { predictions: { masks: RleMask[] }[] }[] }>(
      `/v1${place}/predict`,
      asked,
    );
    const served = answer.results[0]?.predictions[0]?.masks[0];
    expect(iou(decodeRle(mask as RleMask), decodeRle(served as RleMask))).toBeGreaterThan(0.99);
    await shoot(page, "annotate-preview-light-wide");
  });

  it("fine-tunes with one more click, and watches it learn", async () => {
    await page.goto(`${server.url}/#${place}/fine-tune`);
    await page.getByLabel("Effort").selectOption("quick");
    await page.getByRole("button", { name: "Fine-tune", exact: true }).click();
    await page.waitForURL(/fine-tune\/ft_/);
    await page.getByText("Training", { exact: true }).waitFor();
    await page.getByText(/left$/).waitFor();
    await page.getByRole("img", { name: /^IoU by epoch: IoU 0\.\d+/ }).waitFor();
    await poll(() => page.locator(".log li", { hasText: /^.*Epoch [1-9]/ }).count()).toBeGreaterThanOrEqual(
      4,
    );
    await shoot(page, "run-live-light-wide");
    await page.getByRole("button", { name: "Stop and keep" }).click();
    await page.getByText("IoU gained").waitFor({ timeout: 600_000 });
    const [job] = (await server.get<List<{ status: string; version: number }>>(`/v1${place}/fine-tunes`))
      .data;
    expect(job).toMatchObject({ status: "succeeded", version: 1 });
    expect(await live()).toBeNull();
  });

  it("moves the line between before and after", async () => {
    const slider = page.getByRole("slider", { name: /untuned .* v1/ });
    await slider.waitFor();
    await slider.focus();
    for (let i = 0; i < 10; i++) await page.keyboard.press("ArrowLeft");
    expect(await slider.inputValue()).toBe("40");
    await page.getByRole("button", { name: "True mask" }).click();
    await page.getByText("By kind of prompt").waitFor();
  });

  it("compares the untuned model with the tuned one by one click", async () => {
    await tab("Compare");
    const panes = page.locator(".pane");
    await poll(() => panes.count()).toBe(2);
    const canvas = panes.first().locator("canvas");
    const box = await canvas.boundingBox();
    if (!box) throw new Error("no pane");
    await canvas.click({ position: { x: box.width / 2, y: box.height / 2 } });
    await page.getByText(/2 masks on one embedding/).waitFor();
    await poll(() => page.getByText(/predicted IoU/).count()).toBe(2);
  });

  it("promotes the version, and rolls back", async () => {
    await tab("Versions");
    await page.getByRole("button", { name: "Promote v1" }).click();
    await page.getByText("Version 1 is live.").waitFor();
    expect(await live()).toBe(1);
    await page.getByRole("button", { name: "Roll back" }).click();
    await page.getByText("Rolled back").waitFor();
    expect(await live()).toBeNull();
    await page.getByRole("button", { name: "Promote v1" }).click();
    await poll(live).toBe(1);
    const audit = page.getByRole("region", { name: "What was live when" }).locator("tbody tr");
    await poll(() => audit.count()).toBe(3);
  });

  it("sees trials as they run, and cancels a fine-tune", async () => {
    await tab("Fine-tune");
    await page.getByRole("button", { name: "Fine-tune", exact: true }).click();
    await page.getByRole("region", { name: "Trials" }).locator("tbody tr").first().waitFor();
    await shoot(page, "run-trials-light-wide");
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByText("cancelled", { exact: true }).waitFor();
    expect(await live()).toBe(1);
  });
});

describe("every page", () => {
  const pages = (): [name: string, path: string, ready: string | RegExp][] => [
    ["projects", "/", "Example: stamps"],
    ["images", `${place}/images`, /mask/],
    ["images-worst", `${place}/images?show=worst`, /IoU 0/],
    ["fine-tune", `${place}/fine-tune`, "Runs"],
    ["version", `${place}/versions/1`, "By kind of prompt"],
    ["versions", `${place}/versions`, "What was live when"],
    ["compare", `${place}/compare`, "One click, every version"],
    ["use", `${place}/use`, "Segment an image that is here"],
    ["settings", `${place}/settings`, "When does a new version go live?"],
    ["keys", "/keys", "Begins with"],
    ["usage", "/usage", "Training minutes"],
  ];

  it("fits wide and narrow windows, dark and light, and axe finds nothing serious", async () => {
    const found: string[] = [];
    for (const [name, path, ready] of pages()) {
      await look(page, "wide", "light");
      await page.goto(`${server.url}/#${path}`);
      await page.getByText(ready).first().waitFor();
      if (name === "version") await page.getByRole("slider", { name: /untuned/ }).waitFor();
      if (name === "compare") {
        await page.locator(".pane canvas").first().click();
        await page.getByText(/2 masks/).waitFor();
      }
      await page.waitForLoadState("networkidle");
      for (const width of Object.keys(widths) as (keyof typeof widths)[]) {
        for (const theme of themes) {
          await look(page, width, theme);
          await page.waitForTimeout(250);
          const where = `${name} ${width} ${theme}`;
          found.push(...(await seriousFaults(page)).map((fault) => `${where}: ${fault}`));
          if (await sticksOut(page)) found.push(`${where}: wider than the window`);
          await shoot(page, `${name}-${theme}-${width}`, { whole: name !== "images" });
        }
      }
    }
    expect(found).toEqual([]);
  });

  it("among them the one for annotating", async () => {
    const found: string[] = [];
    await look(page, "wide", "light");
    await page.goto(`${server.url}/#${place}/images?show=test`);
    await page.locator(".tile").first().click();
    await stage.ready();
    await page.locator(".object").first().waitFor();
    for (const width of Object.keys(widths) as (keyof typeof widths)[]) {
      for (const theme of themes) {
        await look(page, width, theme);
        await page.waitForTimeout(250);
        await page.keyboard.press("0");
        found.push(...(await seriousFaults(page)).map((fault) => `${width} ${theme}: ${fault}`));
        if (await sticksOut(page)) found.push(`${width} ${theme}: wider than the window`);
        await shoot(page, `annotate-${theme}-${width}`);
      }
    }
    await look(page, "wide", "light");
    await page.getByRole("button", { name: "Shortcuts" }).click();
    await page.getByRole("dialog").waitFor();
    found.push(...(await seriousFaults(page)));
    await shoot(page, "annotate-shortcuts-light-wide");
    await page.keyboard.press("Escape");
    expect(found).toEqual([]);
  });
});

describe("when the server goes down", () => {
  it("says so, and goes on by itself when it is back", async () => {
    await page.goto(`${server.url}/#${place}/versions`);
    await page.getByText("What was live when").waitFor();
    await server.down();
    await page.getByRole("button", { name: "Roll back" }).click();
    await page.getByText("The server can't be reached. Trying again").waitFor();
    await shoot(page, "server-down-light-wide");
    await server.up();
    await page.getByText("The server can't be reached. Trying again").waitFor({ state: "detached" });
    await tab("Images");
    await page.locator(".tile").first().waitFor();
  });

  it("has asked nobody else for anything, and no script has failed", () => {
    expect(faults).toEqual([]);
  });
});
