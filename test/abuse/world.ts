import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import sharp from "sharp";
import { drawPage } from "../../src/samples/pages.ts";
import { openDatabase } from "../../src/db/client.ts";
import { generateKey, insertApiKey } from "../../src/db/queries/api-keys.ts";
import { insertWorkspace } from "../../src/db/queries/workspaces.ts";
import { encodeRle } from "../../src/imaging/rle.ts";
import { newId } from "../../src/lib/ids.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { storedZip } from "../../src/lib/zip-writer.ts";
import { followImport, send, sendUntilTaken } from "./send.ts";
import type { Service } from "./service.ts";
import { type ImageName, imageNames, type Outgoing, type StoredImage, type World } from "./types.ts";

/** What is in a data folder that the harness has filled once; it holds for every copy. */
export interface Filled {
  /** Key of the workspace that sends the rows' requests. */
  readonly key: string;
  readonly projects: readonly string[];
  readonly images: Readonly<Record<ImageName, StoredImage>>;
  readonly neighbour: Neighbour;
}

/** Another workspace on the same service. */
export interface Neighbour {
  readonly key: string;
  /** With annotated pages, to be fine-tuned on. */
  readonly training: string;
  readonly imports: string;
  readonly image: StoredImage;
}

type Call = (request: Outgoing) => Promise<Record<string, unknown>>;

/** Throws an Error where the answer is no success. */
const caller =
  (url: string, key: string): Call =>
  async (request) => {
    const { status, json } = await sendUntilTaken(url, key, request);
    if (status === null || status >= 300)
      throw new Error(`${request.path}: ${status} ${JSON.stringify(json)}`);
    return json;
  };

const json = (body: object): { body: Buffer } => ({ body: Buffer.from(JSON.stringify(body)) });

/** Makes both workspaces, their projects and images, each image encoded, on a service with an empty data folder. */
export async function fill(service: Service): Promise<Filled> {
  const key = (await readFile(join(service.dataDir, "api-key"), "utf8")).trim();
  const call = caller(service.url, key);
  const projects: string[] = [];
  for (let i = 0; i < 8; i++)
    projects.push(String((await call({ path: "/v1/projects", ...json({ name: `rows ${i}` }) }))["id"]));
  const images: Partial<Record<ImageName, StoredImage>> = {};
  for (const name of imageNames) images[name] = await storeImage(call, projects[0] ?? "", await draw(name));
  return {
    key,
    projects,
    images: images as Record<ImageName, StoredImage>,
    neighbour: await fillNeighbour(service),
  };
}

async function draw(name: ImageName): Promise<Buffer> {
  if (name === "photo") return (await drawPage(1, 0)).jpeg;
  if (name === "noisy") {
    const random = seededRandom(4);
    const grey = Buffer.from(Array.from({ length: 400 * 400 }, () => random.below(256)));
    const raw = { width: 400, height: 400, channels: 1 } as const;
    return sharp(grey, { raw }).resize(4000, 4000, { kernel: "nearest" }).png().toBuffer();
  }
  const [width, height] = name === "flat" ? [8000, 8000] : [7100, 7000];
  return sharp({ create: { width, height, channels: 3, background: "#d8d4c8" } })
    .png()
    .toBuffer();
}

async function storeImage(call: Call, project: string, bytes: Buffer): Promise<StoredImage> {
  const path = `/v1/projects/${project}`;
  const stored = await call({ path: `${path}/images`, type: "image/png", body: bytes });
  await call({ path: `${path}/prewarm`, ...json({ image: { id: stored["id"] } }) });
  return { id: String(stored["id"]), width: Number(stored["width"]), height: Number(stored["height"]) };
}

async function fillNeighbour(service: Service): Promise<Neighbour> {
  const key = await newWorkspace(service, "neighbour");
  const call = caller(service.url, key);
  const [training, imports] = await Promise.all(
    ["training", "imports"].map(async (name) =>
      String((await call({ path: "/v1/projects", ...json({ name }) }))["id"]),
    ),
  );
  if (training === undefined || imports === undefined) throw new Error("no project");
  const images: StoredImage[] = [];
  for (let i = 1; i <= 6; i++) {
    const { jpeg, stamps } = await drawPage(1, i);
    const image = await storeImage(call, training, jpeg);
    images.push(image);
    const masks = stamps.map(({ mask }) => encodeRle(mask));
    for (const mask of masks)
      await call({
        path: `/v1/projects/${training}/annotations`,
        ...json({ image_id: image.id, mask }),
      });
  }
  return { key, training, imports, image: images[0] as StoredImage };
}

/** A workspace and its first key, which is the operator's to make, in the database. */
export async function newWorkspace(service: Service, name: string): Promise<string> {
  const access = JSON.parse(await readFile(join(service.dataDir, "postgres.json"), "utf8")) as {
    port: number;
    password: string;
  };
  const url = `postgres://postgres:${access.password}@127.0.0.1:${access.port}/maskwright`;
  const database = openDatabase(url, { max: 1 });
  try {
    const { id: workspaceId } = await insertWorkspace(database.db, { id: newId("ws"), name });
    const key = generateKey();
    await insertApiKey(database.db, key, { workspaceId, name });
    return key;
  } finally {
    await database.close();
  }
}

/** The rows' view of a service that holds what `fill` made. */
export const worldOn = (service: Service, filled: Filled): World => ({
  project: (place) => filled.projects[place % filled.projects.length] as string,
  image: (name) => filled.images[name],
  call: async (request) => sendUntilTaken(service.url, filled.key, request),
});

const atWork = new Set(["preparing", "running"]);

/** Fine-tunes the neighbour's project, for about as long as the harness cares to look; resolves once it is at work, the preparation included. */
export async function keepTraining(service: Service, { key, training }: Neighbour): Promise<void> {
  const path = `/v1/projects/${training}/fine-tunes`;
  const call = caller(service.url, key);
  if (!atWork.has(await trainingState(service, { key, training }))) {
    const hyperparameters = { epochs: 200, patience: 200, batch_size: 1, zoom: "none", refine: "none" };
    await call({ path, ...json({ hyperparameters }) });
  }
  for (;;) {
    const state = await trainingState(service, { key, training });
    if (atWork.has(state)) return;
    if (state === "failed" || state === "none") throw new Error(`the fine-tune is ${state}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Status of the last fine-tune: `queued`, `preparing`, `running` and so on; `none` before the first. */
export async function trainingState(
  service: Service,
  { key, training }: Pick<Neighbour, "key" | "training">,
): Promise<string> {
  const path = `/v1/projects/${training}/fine-tunes?limit=1`;
  const { json: page, status } = await sendUntilTaken(service.url, key, { method: "GET", path });
  const [last] = (page["data"] ?? []) as { status: string }[];
  return status === null ? "lost" : (last?.status ?? "none");
}

let drawn = 0;

/** What a neighbour does beside a row: one prediction, and one small import to its end. The faults. */
export async function askAsNeighbour(service: Service, neighbour: Neighbour): Promise<string[]> {
  const { key, imports, image, training } = neighbour;
  const box = [image.width * 0.2, image.height * 0.2, image.width * 0.6, image.height * 0.6];
  const predicting = sendUntilTaken(service.url, key, {
    path: `/v1/projects/${training}/predict`,
    ...json({ image: { id: image.id }, prompts: [{ box }] }),
  });
  const importing = importSmall(service.url, key, imports);
  const [predicted, imported] = await Promise.all([predicting, importing]);
  const faults: string[] = [];
  if (predicted.status !== 200)
    faults.push(`the neighbour's prediction: ${predicted.status} ${predicted.code}`);
  if (imported !== "succeeded") faults.push(`the neighbour's import: ${imported}`);
  return faults;
}

async function importSmall(url: string, key: string, project: string): Promise<string> {
  const random = seededRandom(7000 + drawn++);
  const raw = { width: 32, height: 32, channels: 3 } as const;
  const pixels = Buffer.from(Array.from({ length: 32 * 32 * 3 }, () => random.below(256)));
  const square = { width: 32, height: 32, channels: 1 } as const;
  const zip = storedZip([
    { path: "images/a.png", content: await sharp(pixels, { raw }).png().toBuffer() },
    { path: "masks/a.png", content: await sharp(Buffer.alloc(1024, 255), { raw: square }).png().toBuffer() },
  ]);
  const path = `/v1/projects/${project}/imports`;
  const sent = await sendUntilTaken(url, key, { path, type: "application/zip", body: await buffer(zip) });
  if (sent.status !== 202) return `${sent.status} ${sent.code}`;
  return followImport(url, key, project, String(sent.json["id"]));
}

/** Whether the service answers at all, after a row. */
export const answers = async (service: Service, key: string): Promise<boolean> =>
  (await send(service.url, key, { method: "GET", path: "/v1/projects?limit=1" })).status === 200;
