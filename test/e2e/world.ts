import { buffer } from "node:stream/consumers";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { expect } from "vitest";
import { ZipFile } from "yazl";
import { drawPage } from "../../src/samples/pages.ts";
import { encodeRle } from "../../src/imaging/rle.ts";
import type { BinaryMask, RleMask } from "../../src/imaging/types.ts";
import { openBrowser, openPage, picturesWanted } from "./browser.ts";
import { Server } from "./server.ts";
import { StageHand } from "./stage.ts";

export interface Row {
  id: string;
  file_name: string | null;
  label: string | null;
  mask: RleMask;
  /** Lineage of what came of a prediction. */
  lineage: object | null;
}
export interface List<T> {
  data: T[];
}

/** A page that the example doesn't have, and the ink of its first stamp. */
interface Fresh {
  readonly name: string;
  readonly jpeg: Buffer;
  readonly truth: BinaryMask;
}

/** Looks until it is so; on a busy machine that takes a while. */
export const poll = <T>(see: () => T | Promise<T>) => expect.poll(see, { timeout: 300_000 });

/** A server, a browser on it, and what the story has come to. */
export class World {
  readonly server: Server;
  readonly page: Page;
  readonly stage: StageHand;
  readonly fresh: readonly [Fresh, Fresh];
  /** What no page may do. */
  readonly faults: readonly string[];
  readonly #browser: Browser;
  /** The example project's id. */
  project = "";

  constructor(parts: Pick<World, "server" | "page" | "fresh" | "faults"> & { browser: Browser }) {
    this.server = parts.server;
    this.page = parts.page;
    this.fresh = parts.fresh;
    this.faults = parts.faults;
    this.#browser = parts.browser;
    this.stage = new StageHand(parts.page);
  }

  static async open(): Promise<World> {
    const fresh = [await freshPage(0), await freshPage(1)] as const;
    const server = await Server.start();
    const browser = await openBrowser();
    return new World({ ...(await openPage(browser, server.url)), server, browser, fresh });
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.server.close();
  }

  get place(): string {
    return `/projects/${this.project}`;
  }

  /** The image that is being annotated. */
  get imageId(): string {
    return /annotate\/([^/?]+)/.exec(this.page.url())?.[1] ?? "";
  }

  tab(name: string): Promise<void> {
    return this.page.getByRole("navigation", { name: "Project" }).getByRole("link", { name }).click();
  }

  async annotations(imageId: string): Promise<Row[]> {
    return (await this.server.get<List<Row>>(`/v1${this.place}/annotations?image_id=${imageId}`)).data;
  }

  /** Keeps so many images: fewer train faster. The pictures for the documentation show the example whole. */
  async thin(images: number): Promise<void> {
    if (picturesWanted) return;
    const path = `/v1${this.place}/images`;
    const { data } = await this.server.get<List<{ id: string }>>(`${path}?limit=100`);
    for (const { id } of data.slice(images)) await this.server.remove(`${path}/${id}`);
  }

  /** Waits until every image's embedding is cached, and no encoder runs any more: asking for one makes it. */
  async embedded(): Promise<void> {
    const { data } = await this.server.get<List<{ id: string }>>(`/v1${this.place}/images?limit=100`);
    for (const { id } of data) await this.server.raw(`/v1${this.place}/images/${id}/embedding`);
  }

  async live(): Promise<number | null> {
    return (await this.server.get<{ active_version: number | null }>(`/v1${this.place}`)).active_version;
  }
}

const blank = (): Promise<Buffer> =>
  sharp({ create: { width: 300, height: 200, channels: 3, background: "#f4efe6" } })
    .png()
    .toBuffer();

async function freshPage(index: number): Promise<Fresh> {
  const { jpeg, stamps } = await drawPage(4021, index);
  const truth = stamps[0]?.mask;
  if (!truth) throw new Error("the page has no stamp");
  return { name: `letter-${index + 1}.jpg`, jpeg, truth };
}

/** A COCO data set of one page, one stamp, one annotation of a whole crowd of them, and one page of nothing. */
export async function crowdZip(): Promise<Buffer> {
  const { stem, jpeg, width, height, stamps } = await drawPage(4021, 2);
  const { size, counts } = encodeRle(stamps[0]?.mask as BinaryMask);
  const one = { image_id: 1, category_id: 1, segmentation: { size, counts } };
  const zip = new ZipFile();
  zip.addBuffer(jpeg, `images/${stem}.jpg`);
  zip.addBuffer(await blank(), "images/nothing.png");
  const coco = {
    images: [
      { id: 1, file_name: `${stem}.jpg`, width, height },
      { id: 2, file_name: "nothing.png", known_empty: true },
    ],
    categories: [{ id: 1, name: "stamp" }],
    annotations: [
      { ...one, id: 1, iscrowd: 0 },
      { ...one, id: 2, iscrowd: 1 },
    ],
  };
  zip.addBuffer(Buffer.from(JSON.stringify(coco)), "annotations.json");
  zip.end();
  return buffer(zip.outputStream);
}
