import { expect, it } from "vitest";
import { boxOf } from "../../src/imaging/geometry.ts";
import { iou } from "../../src/imaging/metrics.ts";
import { decodeRle } from "../../src/imaging/rle.ts";
import type { RleMask } from "../../src/imaging/types.ts";
import { look, seriousFaults, shoot, signIn, sticksOut, widths } from "./browser.ts";
import { clicks, spread } from "./clicks.ts";
import { crowdZip, type List, poll, type World } from "./world.ts";

/** From the sign-in to accepted masks. */
export function annotating(get: () => World): void {
  it("is told that a key is wrong, and signs in with the right one", async () => {
    const world = get();
    await shoot(world.page, "sign-in-light-wide");
    await world.page.getByLabel("API key").fill("mw_wrong");
    await world.page.getByRole("button", { name: "Sign in" }).click();
    await world.page.getByText("This key is not known").waitFor();
    expect(await seriousFaults(world.page)).toEqual([]);
    await signIn(world.page, world.server.key);
    const kept = await world.page.evaluate(
      () => Object.values(localStorage).join() + Object.values(sessionStorage).join() + document.cookie,
    );
    expect(kept).not.toContain(world.server.key);
    expect(kept).not.toContain("mw_");
  });

  it("opens the example project with one click", async () => {
    const world = get();
    await world.page.getByText("First run").waitFor();
    await shoot(world.page, "first-run-light-wide");
    await world.page.getByRole("button", { name: "Open the example project" }).click();
    await world.page.waitForURL(/#\/projects\/prj_[^/]+\/fine-tune/);
    world.project = /(prj_[^/]+)/.exec(world.page.url())?.[1] ?? "";
    await world.page.getByText("30 labelled images").waitFor();
    await world.thin(12);
  });

  it("lets no version go live by itself, for now", async () => {
    const world = get();
    await world.tab("Settings");
    await world.page.getByLabel("Never by itself").check();
    await world.page.getByRole("button", { name: "Save" }).click();
    await world.page.getByText("Saved.").waitFor();
    expect(await world.server.get(`/v1${world.place}`)).toMatchObject({ promotion_policy: "manual" });
  });

  it("uploads pages, and is told which file is bad and why", async () => {
    const world = get();
    await world.tab("Images");
    await world.page
      .getByLabel("Images or zips to upload")
      .setInputFiles([
        ...world.fresh.map(({ name, jpeg }) => ({ name, mimeType: "image/jpeg", buffer: jpeg })),
        { name: "notes.jpg", mimeType: "image/jpeg", buffer: Buffer.from("this is no image") },
      ]);
    const uploads = world.page.getByRole("region", { name: "Uploads" });
    await uploads.getByText("2 of 3 files uploaded").waitFor();
    await uploads.getByText("1 failed").waitFor();
    await uploads.getByText(/read are JPEG, PNG, WebP, TIFF/).waitFor();
    await shoot(world.page, "upload-light-wide");
    await world.page.getByRole("button", { name: "Unlabelled" }).click();
    await poll(() => world.page.locator(".tile").count()).toBe(2);
  });

  it("clicks on a stamp, corrects the mask, and accepts it with one key", async () => {
    const world = get();
    await world.page.locator(".tile", { hasText: "letter-1.jpg" }).click();
    await world.stage.ready();
    const [x0, y0, x1, y1] = boxOf(world.fresh[0].truth);
    await world.stage.drag([x0, y0], [x1, y1]);
    await world.stage.segmented();
    await world.stage.click(x0 + 3, y0 + 3, { shift: true });
    await world.stage.segmented();
    await shoot(world.page, "annotate-click-light-wide");
    // By hand: a stroke of the brush, taken back, and one of the eraser.
    await world.page.keyboard.press("b");
    await world.stage.drag([x0, y0], [x1, y0]);
    await world.page.getByText("Corrected by hand").waitFor();
    await world.page.keyboard.press("Control+z");
    await world.page.getByText(/Predicted IoU/).waitFor();
    await world.page.keyboard.press("Control+Shift+z");
    await world.page.getByText("Corrected by hand").waitFor();
    await world.page.keyboard.press("e");
    await world.stage.drag([x0, y0], [x1, y0]);
    await world.page.keyboard.press("c");
    await world.page.getByLabel("Label", { exact: true }).fill("by hand");
    await world.page.locator("canvas.stage-canvas").focus();
    await world.page.keyboard.press("Enter");
    await world.page.getByRole("button", { name: "Delete by hand" }).waitFor();
    const { imageId } = world;
    const [row, ...more] = await world.annotations(imageId);
    expect(more).toEqual([]);
    expect(row?.label).toBe("by hand");
    const mask = decodeRle(row?.mask as RleMask);
    expect(mask.width).toBe(world.fresh[0].truth.width);
    // The eraser went along the upper edge, over what the brush had painted.
    expect(mask.data.subarray(y0 * mask.width + x0 + 8, y0 * mask.width + x1 - 8).includes(1)).toBe(false);
    expect(iou(mask, world.fresh[0].truth)).toBeGreaterThan(0.1);
  });

  it("takes an accepted mask back, and gives it again", async () => {
    const world = get();
    const { imageId } = world;
    await world.page.getByRole("button", { name: /^Undo/ }).click();
    await poll(async () => (await world.annotations(imageId)).length).toBe(0);
    await world.page.getByRole("button", { name: /^Redo/ }).click();
    await poll(async () => (await world.annotations(imageId)).length).toBe(1);
    // With its lineage, as before.
    expect((await world.annotations(imageId))[0]?.lineage).toMatchObject({ action: "correct" });
  });

  it("pulls a corner of the polygon", async () => {
    const world = get();
    const { imageId } = world;
    const before = await world.annotations(imageId);
    await world.page.locator(".object", { hasText: "by hand" }).click();
    await world.page.keyboard.press("p");
    const { width, height } = world.fresh[0].truth;
    // A triangle in the corner of the page, closed by Enter.
    await world.stage.click(width - 60, height - 60);
    await world.stage.click(width - 20, height - 60);
    await world.stage.click(width - 20, height - 20);
    await world.page.keyboard.press("Enter");
    await world.stage.drag([width - 60, height - 60], [width - 70, height - 70]);
    await shoot(world.page, "annotate-polygon-light-wide");
    await world.page.keyboard.press("Enter");
    await poll(async () => (await world.annotations(imageId))[0]?.id).not.toBe(before[0]?.id);
    const [row] = await world.annotations(imageId);
    const mask = decodeRle(row?.mask as RleMask);
    expect(mask.data[(height - 58) * mask.width + width - 50]).toBe(1);
    expect(mask.data[(height - 30) * mask.width + width - 60]).toBe(0);
    await world.page.keyboard.press("c");
  });

  it("sees each click's mask at once, alike with and without a preview", async () => {
    const world = get();
    await world.page.reload();
    await world.stage.ready();
    await world.embedded();
    const preview = (): Promise<void> => world.page.keyboard.press("v");
    await preview();
    const asked = await clicks(world);
    await preview();
    const previewed = await clicks(world, { hovering: true, every: 2 });
    for (const [i, { mask }] of previewed.entries()) expect(mask).toEqual(asked[2 * i]?.mask);
    console.log(
      `click to mask on screen, cached embedding: ${spread(asked)} by asking the server, ` +
        `${spread(previewed)} where the pointer has rested and the mask is there as a preview`,
    );
  });

  it("sees the same preview from the browser's decoder as from the server's", async () => {
    const world = get();
    await world.page.goto(`${world.page.url()}?decoder=browser`);
    await world.page.reload();
    await world.stage.ready();
    const [x0, y0, x1, y1] = boxOf(world.fresh[0].truth);
    const at = await world.stage.at((x0 + x1) / 2, y0 + 0.4 * (y1 - y0));
    let nudge = 0;
    await poll(async () => {
      await world.page.mouse.move(at.x + (nudge++ % 2), at.y);
      await world.page.waitForTimeout(300);
      return world.stage.canvas.getAttribute("data-preview");
    }).toBe("browser");
    const { point, mask } = (await world.stage.report()).preview ?? {};
    const { imageId } = world;
    const asked = { image: { id: imageId }, prompts: [{ points: [[...(point ?? []), 1]] }] };
    const answer = await world.server.post<{ results: { predictions: { masks: RleMask[] }[] }[] }>(
      `/v1${world.place}/predict`,
      asked,
    );
    const served = answer.results[0]?.predictions[0]?.masks[0];
    expect(iou(decodeRle(mask as RleMask), decodeRle(served as RleMask))).toBeGreaterThan(0.99);
    await shoot(world.page, "annotate-preview-light-wide");
  });

  it("accepts or skips with a key what segment-everything finds", async () => {
    const world = get();
    await world.page.goto(`${world.server.url}/#${world.place}/images?show=unlabelled`);
    await world.page.locator(".tile", { hasText: "letter-2.jpg" }).click();
    await world.stage.ready();
    await world.page.locator("canvas.stage-canvas").focus();
    await world.page.keyboard.press("s");
    const everything = world.page.getByRole("region", { name: "Everything" });
    const left = async (): Promise<[number, number]> => {
      const text = await everything.getByRole("status").textContent();
      const [found, open] = /(\d+) found, (\d+) to look at/.exec(text ?? "")?.slice(1) ?? [];
      return [Number(found), Number(open)];
    };
    await everything.getByText(/found/).waitFor();
    const [found] = await left();
    expect(found).toBeGreaterThan(2);
    await shoot(world.page, "annotate-everything-light-wide");
    const first = (await world.stage.report()).draft?.mask;
    await world.page.keyboard.press("Enter");
    await poll(left).toEqual([found, found - 1]);
    await world.page.keyboard.press("n");
    await poll(left).toEqual([found, found - 2]);
    await world.page.keyboard.press("Escape");
    await everything.waitFor({ state: "detached" });
    const rows = await world.annotations(world.imageId);
    expect(rows.map(({ mask }) => mask)).toEqual([first]);
    // Accepted, it tells which version had found it, and by which point of the grid.
    expect(rows[0]?.lineage).toMatchObject({ action: "accept", version: "base", prompt: { grid: true } });
    // The fine-tune is to learn stamps.
    await world.page.getByRole("button", { name: "Delete Object 1" }).click();
    await poll(async () => (await world.annotations(world.imageId)).length).toBe(0);
  });

  it("sees what is in a zip before it is imported, and what an import has left out", async () => {
    const world = get();
    await world.page.goto(`${world.server.url}/#${world.place}/images`);
    await world.page
      .getByLabel("Images or zips to upload")
      .setInputFiles([{ name: "crowd.zip", mimeType: "application/zip", buffer: await crowdZip() }]);
    const check = world.page.getByRole("region", { name: "Check crowd.zip" });
    await check.getByText("Recognised as").waitFor();
    await check.getByText("coco", { exact: true }).waitFor();
    await check.getByText("2, 1 of them known to hold nothing").waitFor();
    await check.getByText("stamp (1)").waitFor();
    await check.getByText("1 left out: COCO annotations with iscrowd hold many objects, not one").waitFor();
    const picture = check.getByRole("img", { name: /masks that were found/ });
    await poll(() => picture.evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBeGreaterThan(
      100,
    );
    const before = await world.server.get<List<object>>(`/v1${world.place}/images?limit=100`);
    for (const width of Object.keys(widths) as (keyof typeof widths)[]) {
      await look(world.page, width, "light");
      expect(await sticksOut(world.page)).toBe(false);
      expect(await seriousFaults(world.page)).toEqual([]);
      await shoot(world.page, `import-check-light-${width}`, { whole: true });
    }
    await look(world.page, "wide", "light");
    // Other choices are looked at before they are imported.
    await check.getByText("Read it in another way").click();
    await check.getByLabel("At fault may be").selectOption("nothing");
    await check.getByRole("button", { name: "Look again" }).click();
    await check.getByRole("button", { name: "Import" }).waitFor();
    expect(await world.server.get<List<object>>(`/v1${world.place}/images?limit=100`)).toEqual(before);
    await check.getByRole("button", { name: "Import" }).click();
    const uploads = world.page.getByRole("region", { name: "Uploads" });
    await uploads.getByText("2 new images, 1 annotation").waitFor();
    await uploads.getByText("1 left out: COCO annotations with iscrowd hold many objects, not one").waitFor();
    await shoot(world.page, "import-light-wide");
    await uploads.getByRole("button", { name: "Close" }).click();
    await uploads.waitFor({ state: "detached" });
    await world.page.getByRole("button", { name: "Nothing here" }).click();
    await poll(() => world.page.locator(".tile").count()).toBe(1);
  });
}
