import { once } from "node:events";
import type { Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { drawPage } from "../../src/samples/pages.ts";
import { iou } from "../../src/imaging/metrics.ts";
import { decodeRle } from "../../src/imaging/rle.ts";
import type { BinaryMask, RleMask } from "../../src/imaging/types.ts";
import { boxOf } from "../../src/imaging/geometry.ts";
import { addSam2Model, sam2Name } from "../worlds/sam2-model.ts";
import { openBrowser, openPage, signIn } from "./browser.ts";
import { Server } from "./server.ts";
import { StageHand } from "./stage.ts";
import { poll } from "./world.ts";

const example = resolve(import.meta.dirname, "../../examples/browser-decoder");

let pages: HttpServer;
let server: Server;
let browser: Browser;
let page: Page;
beforeAll(async () => {
  const serve = (await import(pathToFileURL(join(example, "serve.mjs")).href)) as {
    pageServer(): HttpServer;
  };
  pages = serve.pageServer().listen(0, "127.0.0.1");
  await once(pages, "listening");
  const origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
  server = await Server.start({ CORS_ORIGINS: origin });
  browser = await openBrowser();
  page = await browser.newPage();
  await page.goto(origin);
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
  pages?.close();
});

/** What the page has drawn over the image. */
const drawn = (): Promise<BinaryMask> =>
  page.evaluate(() => {
    const canvas = document.querySelector("canvas") as HTMLCanvasElement;
    const { width, height } = canvas;
    const { data } = (canvas.getContext("2d") as CanvasRenderingContext2D).getImageData(0, 0, width, height);
    return {
      width,
      height,
      data: Array.from({ length: width * height }, (_, i) => (data[4 * i + 3] ? 1 : 0)),
    };
  }) as unknown as Promise<BinaryMask>;

describe("a version's decoder in a page of another origin", () => {
  it("gives the API's mask of a dragged box, and of a click", async () => {
    const { id } = await server.post<{ id: string }>("/v1/projects", { name: "decoder" });
    const { jpeg } = await drawPage(4021, 0);
    const image = await server.image(`/v1/projects/${id}/images?file_name=page.jpg`, jpeg);
    await page.getByLabel("Server").fill(server.url);
    await page.getByLabel("API key").fill(server.key);
    await page.getByLabel("Project").fill(id);
    await page.getByLabel("Image").fill(image.id);
    await page.getByRole("button", { name: "Open" }).click();
    await page.getByText("Drag a box, or click.", { exact: true }).waitFor({ timeout: 120_000 });
    const canvas = page.locator("canvas");
    await canvas.scrollIntoViewIfNeeded();
    const place = await canvas.boundingBox();
    if (!place) throw new Error("the picture is not to be seen");
    const [x0, y0, x1, y1] = [0.1, 0.05, 0.5, 0.4].map((share, i) =>
      Math.round((i % 2 === 0 ? place.x : place.y) + share * (i % 2 === 0 ? place.width : place.height)),
    ) as [number, number, number, number];
    const inImage = (x: number, y: number): [number, number] => [
      ((x - place.x) / place.width) * image.width,
      ((y - place.y) / place.height) * image.height,
    ];
    for (const [end, prompt] of [
      [[x1, y1], { box: [...inImage(x0, y0), ...inImage(x1, y1)] }],
      [[x0, y0], { points: [[...inImage(x0, y0), 1]] }],
    ] as const) {
      await page.mouse.move(x0, y0);
      await page.mouse.down();
      await page.mouse.move(end[0], end[1]);
      await page.evaluate(() => void (document.querySelector("output")!.value = "asked"));
      await page.mouse.up();
      await page.getByText("Decoded in").waitFor({ timeout: 120_000 });
      const { results } = await server.post<{
        results: { predictions: { masks: RleMask[] }[] }[];
      }>(`/v1/projects/${id}/predict`, { image: { id: image.id }, prompts: [prompt], version: "base" });
      const mask = results[0]?.predictions[0]?.masks[0];
      if (!mask) throw new Error("no mask came");
      expect(iou(await drawn(), decodeRle(mask))).toBeGreaterThan(0.99);
    }
  });
});

it("previews a SAM 2's masks by its decoder in the browser as the server gives them", async () => {
  await addSam2Model(server.store);
  const { page: ours, faults } = await openPage(browser, server.url);
  const { id } = await server.post<{ id: string }>("/v1/projects", {
    name: "letters",
    base_model: sam2Name,
  });
  const { jpeg, stamps } = await drawPage(4021, 0);
  const image = await server.image(`/v1/projects/${id}/images?file_name=page.jpg`, jpeg);
  await server.raw(`/v1/projects/${id}/images/${image.id}/embedding`);
  await signIn(ours, server.key);
  await ours.goto(`${server.url}/#/projects/${id}/annotate/${image.id}?decoder=browser`);
  const stage = new StageHand(ours);
  await stage.ready();
  const [x0, y0, x1, y1] = boxOf(stamps[0]!.mask);
  let nudge = 0;
  await poll(async () => {
    await stage.moveTo((x0 + x1) / 2 + (nudge++ % 2), y0 + 0.4 * (y1 - y0));
    await ours.waitForTimeout(300);
    return stage.canvas.getAttribute("data-preview");
  }).toBe("browser");
  const { point, mask } = (await stage.report()).preview ?? {};
  const answer = await server.post<{ results: { predictions: { masks: RleMask[] }[] }[] }>(
    `/v1/projects/${id}/predict`,
    { image: { id: image.id }, prompts: [{ points: [[...(point ?? []), 1]] }] },
  );
  const served = decodeRle(answer.results[0]?.predictions[0]?.masks[0] as RleMask);
  expect(served.data.some((value) => value === 1)).toBe(true);
  expect(iou(decodeRle(mask as RleMask), served)).toBeGreaterThan(0.99);
  expect(faults).toEqual([]);
  await ours.close();
});
