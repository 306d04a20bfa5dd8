import { expect, it } from "vitest";
import { autoLabels, images, proposals } from "../../src/db/schema/index.ts";
import { maskFacts } from "../../src/imaging/mask-facts.ts";
import { decodeRle, encodeRle } from "../../src/imaging/rle.ts";
import type { BinaryMask, Box } from "../../src/imaging/types.ts";
import { eq } from "../../src/db/drizzle.ts";
import { rectangleMask } from "../worlds/images.ts";
import { look, seriousFaults, shoot, sticksOut, widths } from "./browser.ts";
import { type List, poll, type Row, type World } from "./world.ts";

interface Proposed {
  readonly id: string;
  readonly image_id: string;
  readonly status: "pending" | "accepted" | "rejected";
  readonly annotation_id: string | null;
}

const count = 30;
/** What to do with each proposal, the surest first: two are corrected. */
const keys = Array.from({ length: count }, (_, i) => (i === 3 || i === 17 ? "c" : i % 3 === 2 ? "r" : "a"));

/** A review of thirty proposals by keys, two of them corrected. */
export function reviewing(get: () => World): void {
  let path: string;
  const listed = async (): Promise<Proposed[]> =>
    (await get().server.get<List<Proposed>>(`${path}/proposals?limit=100&order=score`)).data;
  const annotationsOf = async (image: string): Promise<Row[]> =>
    (await get().server.get<List<Row>>(`${path}/annotations?image_id=${image}`)).data;
  const decided = async (): Promise<number> =>
    (await listed()).filter(({ status }) => status !== "pending").length;

  it("opens what a version has found in two pages, the surest first", async () => {
    const { server, page, fresh } = get();
    const { id } = await server.post<{ id: string }>("/v1/projects", { name: "Letters" });
    path = `/v1/projects/${id}`;
    const pages = [];
    for (const { jpeg } of fresh) pages.push(await server.image(`${path}/images`, jpeg));
    await propose(get(), id, pages);
    await page.goto(`${server.url}/#/projects/${id}/review`);
    await page.getByRole("img", { name: "A proposed stamp" }).waitFor();
    for (const width of Object.keys(widths) as (keyof typeof widths)[]) {
      await look(page, width, "light");
      expect(await sticksOut(page)).toBe(false);
      expect(await seriousFaults(page)).toEqual([]);
      await shoot(page, `reviewing-light-${width}`, { whole: true });
    }
    await look(page, "wide", "light");
  });

  it("accepts, rejects and corrects them with a key each", async () => {
    const { page, stage, fresh } = get();
    const shown = page.getByRole("img", { name: "A proposed stamp" });
    const order = await listed();
    for (const [i, key] of keys.entries()) {
      await shown.waitFor();
      await page.getByText(`${i} decided`).waitFor();
      await page.keyboard.press(key);
      if (key !== "c") continue;
      await page.waitForURL(/annotate\/.*proposal=/);
      await stage.ready();
      await page.getByText("As v1 proposed it").waitFor();
      await page.getByText("Enter accepts").waitFor();
      await shoot(page, `correcting-${i}-light-wide`);
      const truth = fresh.find((_, at) => at === (order[i]?.image_id === order[0]?.image_id ? 0 : 1))?.truth;
      if (i === 3) {
        // A box round another place takes the proposal's mask along, and asks the model
        const [x0, y0, x1, y1] = maskFacts(encodeRle(truth as BinaryMask)).box;
        await stage.drag([x0, y0], [x1, y1]);
        await stage.segmented();
      } else {
        await page.keyboard.press("b");
        await stage.drag([20, 20], [60, 20]);
        await page.getByText("Corrected by hand").waitFor();
        await page.keyboard.press("c");
      }
      await page.locator("canvas.stage-canvas").focus();
      await page.keyboard.press("Enter");
      await page.waitForURL(/review$/);
    }
    await page.getByText("Nothing is left to review.").waitFor();
    await poll(decided).toBe(count);
    const after = await listed();
    expect(after.map(({ status }) => status)).toEqual(
      keys.map((key) => (key === "r" ? "rejected" : "accepted")),
    );
    for (const i of [3, 17]) {
      const { id, image_id: image, annotation_id: annotation } = after[i] as Proposed;
      const row = (await annotationsOf(image)).find((one) => one.id === annotation);
      expect(row?.lineage).toMatchObject({ proposal_id: id, version: 1 });
      expect(row?.label).toBe("stamp");
      // What was drawn, not what was proposed
      expect(row && decodeRle(row.mask).data).not.toEqual(maskOf(i, row?.mask.size ?? [1, 1]).data);
    }
  });

  it("goes back to the proposal where one leaves its correction", async () => {
    const { page } = get();
    await page.keyboard.press("ArrowLeft");
    await page
      .getByText("accepted", { exact: true })
      .or(page.getByText("rejected", { exact: true }))
      .waitFor();
    await page.keyboard.press("c");
    await page.waitForURL(/annotate\/.*proposal=/);
    await page.getByRole("link", { name: "Review" }).click();
    await page.getByText(`${count} decided`).waitFor();
    await page.getByRole("img", { name: "A proposed stamp" }).waitFor();
  });

  it("corrects what was accepted before", async () => {
    const { page, stage } = get();
    const [{ image_id: image, annotation_id: before }] = (await listed()).slice(-2) as [Proposed, Proposed];
    const objects = (await annotationsOf(image)).length;
    await page.keyboard.press("ArrowLeft");
    await page.getByText("accepted", { exact: true }).waitFor();
    await page.keyboard.press("c");
    await stage.ready();
    await page.getByText("As v1 proposed it").waitFor();
    await page.keyboard.press("b");
    await stage.drag([20, 20], [60, 20]);
    await page.getByText("Corrected by hand").waitFor();
    await page.keyboard.press("c");
    await page.locator("canvas.stage-canvas").focus();
    await page.keyboard.press("Enter");
    await page.waitForURL(/review$/);
    const after = (await listed()).at(-2);
    expect(after).toMatchObject({ status: "accepted" });
    expect(after?.annotation_id).not.toBe(before);
    expect(await annotationsOf(image)).toHaveLength(objects);
  });
}

/** Where the i-th was seen: in rows of six. */
const boxOf = (i: number): Box => {
  const [x, y] = [40 + (i % 6) * 60, 40 + Math.floor(i / 6) * 60];
  return [x, y, x + 40, y + 40];
};
const maskOf = (i: number, [height, width]: readonly [number, number]): BinaryMask =>
  rectangleMask(width, height, boxOf(i));

/** As an auto-label leaves them, found by hand: a finder that is trained takes minutes. */
async function propose(
  { server }: World,
  projectId: string,
  pages: readonly { id: string; width: number; height: number }[],
): Promise<void> {
  await server.withDatabase(async (db) => {
    const [{ workspaceId } = { workspaceId: "" }] = await db
      .select({ workspaceId: images.workspaceId })
      .from(images)
      .where(eq(images.projectId, projectId))
      .limit(1);
    const scope = { workspaceId, projectId };
    const autoLabelId = "al_by_hand";
    const job = { id: autoLabelId, status: "succeeded", version: 1, maxObjects: 100, found: count } as const;
    await db.insert(autoLabels).values({ ...scope, ...job, imagesTotal: 2, imagesDone: 2 });
    await db.insert(proposals).values(
      keys.map((_, i) => {
        const { id: imageId, width, height } = pages[i % 2] as (typeof pages)[number];
        const mask = encodeRle(maskOf(i, [height, width]));
        const { area, box } = maskFacts(mask);
        return {
          ...scope,
          id: `prop_by_hand_${i}`,
          autoLabelId,
          imageId,
          version: 1,
          label: "stamp",
          labelScore: 0.95 - i / 100,
          score: 0.9,
          counts: mask.counts,
          area,
          box: [...box] as [number, number, number, number],
          prompt: [...box] as [number, number, number, number],
        };
      }),
    );
  });
}
