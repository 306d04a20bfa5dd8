import { createHash } from "node:crypto";
import { readdir, stat } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import sharp from "sharp";
import { seededRandom } from "../../src/lib/random.ts";
import { type QuotaRun, seenNow } from "./report.ts";
import { json, MB, zipOf } from "./rows/make.ts";
import type { Runner } from "./runner.ts";
import { type Sent, sendUntilTaken } from "./send.ts";
import { type Service, startService } from "./service.ts";
import type { Outgoing } from "./types.ts";
import { newWorkspace } from "./world.ts";

const quota = { images: 3, bytes: 1_000_000 } as const;
/** The largest thing that one request of these rows stores: an embedding. */
const oneRequest = 4_400_000;

interface Tenant {
  readonly service: Service;
  readonly key: string;
  readonly project: string;
  ask(outgoing: Outgoing): Promise<Sent>;
}

interface QuotaRow {
  readonly name: string;
  /** What was answered. */
  run(tenant: Tenant): Promise<readonly Sent[]>;
  /** Statuses of every answer, and no others. */
  readonly answers?: readonly number[];
}

const times = async (count: number, ask: (i: number) => Promise<Sent>): Promise<Sent[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => ask(i)));

/** A picture of 64 x 64 that is unlike the others. */
async function picture(seed: number): Promise<Buffer> {
  const random = seededRandom(seed);
  const pixels = Buffer.from(Array.from({ length: 64 * 64 * 3 }, () => random.below(256)));
  return sharp(pixels, { raw: { width: 64, height: 64, channels: 3 } })
    .png()
    .toBuffer();
}

const inProject = ({ project }: Tenant, path: string): string => `/v1/projects/${project}/${path}`;

const stored = async (tenant: Tenant, seed: number): Promise<Sent> =>
  tenant.ask({ path: inProject(tenant, "images"), type: "image/png", body: await picture(seed) });

const along = async (tenant: Tenant, path: string, seed: number, more: object): Promise<Sent> => {
  const image = { base64: (await picture(seed)).toString("base64") };
  return tenant.ask({ path: inProject(tenant, path), body: json({ image, ...more }) });
};

/** Announces an upload and sends it where it is let; never completes it. */
async function byLink(tenant: Tenant, bytes: number, purpose: string, place: number): Promise<Sent> {
  const body = Buffer.alloc(bytes, place + 1);
  const sha256 = createHash("sha256").update(body).digest("hex");
  const announced = await tenant.ask({
    path: inProject(tenant, "uploads"),
    body: json({ purpose, bytes, sha256 }),
  });
  const { link } = announced.json as { link?: { url: string; headers: Record<string, string> } };
  if (!link) return announced;
  const { pathname, search } = new URL(link.url);
  const type = link.headers["content-type"] ?? "application/octet-stream";
  return tenant.ask({ method: "PUT", path: pathname + search, type, headers: link.headers, body });
}

async function importOf(tenant: Tenant, pictures: number, ballast: number, place: number): Promise<Sent> {
  const images = await Promise.all(
    Array.from(
      { length: pictures },
      async (_, i) => [`images/${i}.png`, await picture(100 * (place + 1) + i)] as const,
    ),
  );
  const body = await zipOf([...images, ["images/ballast.bin", Buffer.alloc(ballast, 7)]], false);
  return tenant.ask({ path: inProject(tenant, "imports"), type: "application/zip", body });
}

const rows: readonly QuotaRow[] = [
  {
    name: "`segment-everything` with 21 crops",
    run: async (tenant) => {
      const { json: image } = await stored(tenant, 1);
      const body = json({ image: { id: image["id"] }, points_per_side: 2, crop_n_layers: 2 });
      return [await tenant.ask({ path: inProject(tenant, "segment-everything"), body })];
    },
  },
  {
    name: "five predictions on images sent along",
    run: (tenant) =>
      times(5, async (i) => along(tenant, "predict", 10 + i, { prompts: [{ points: [[9, 9, 1]] }] })),
  },
  {
    name: "five `prewarm` of images sent along",
    run: (tenant) => times(5, async (i) => along(tenant, "prewarm", 20 + i, {})),
  },
  {
    name: "two uploads of 200 MB by link, never completed",
    run: (tenant) => times(2, async (i) => byLink(tenant, 200 * MB, "import", i)),
    answers: [403],
  },
  {
    name: "twenty uploads of 300 kB by link, never completed",
    run: (tenant) => times(20, async (i) => byLink(tenant, 300_000, "image", i)),
  },
  {
    name: "an import of 100 MB",
    run: async (tenant) => [await importOf(tenant, 1, 100 * MB, 0)],
    answers: [403],
  },
  {
    name: "eight imports of 900 kB at once",
    run: (tenant) => times(8, async (i) => importOf(tenant, 1, 880_000, i)),
  },
  {
    name: "eight imports of three images at once",
    run: (tenant) => times(8, async (i) => importOf(tenant, 3, 0, i)),
  },
  { name: "eight images at once", run: (tenant) => times(8, async (i) => stored(tenant, 30 + i)) },
  {
    name: "eight previews with no training minutes left",
    run: (tenant) =>
      times(8, async () => tenant.ask({ path: inProject(tenant, "fine-tunes:preview"), body: json({}) })),
    answers: [403],
  },
  {
    name: "eight `versions` of 2 MB that are none",
    run: (tenant) =>
      times(8, async (i) =>
        tenant.ask({
          path: inProject(tenant, "versions"),
          type: "application/octet-stream",
          body: Buffer.alloc(2 * MB, i + 1),
        }),
      ),
  },
];

const webhookRow = "76 messages to receivers that never answer";
export const quotaNames: readonly string[] = [...rows.map(({ name }) => name), webhookRow];

/** Bytes of all files below a folder. */
async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  let bytes = 0;
  for (const entry of entries.filter((one) => one.isFile()))
    bytes += await stat(join(entry.parentPath, entry.name)).then(
      ({ size }) => size,
      () => 0,
    );
  return bytes;
}

const kB = (bytes: number): string =>
  bytes < MB ? `${Math.round(bytes / 1000)} kB` : `${(bytes / MB).toFixed(1)} MB`;

/** `6 x 403 quota_exceeded, 2 x 201`. */
function said(sent: readonly Sent[]): string {
  const counts = new Map<string, number>();
  for (const { status, code } of sent) {
    const text = [status ?? "none", code].filter((part) => part !== null).join(" ");
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return [...counts].map(([text, count]) => (count === 1 ? text : `${count} x ${text}`)).join(", ");
}

/** Each row with a workspace of its own, on one service whose quotas are small. */
export async function* runQuotas(
  runner: Runner,
  wanted: (text: string) => boolean,
): AsyncGenerator<QuotaRun> {
  const chosen = rows.filter(({ name }) => wanted(`quota: ${name}`));
  const withWebhooks = wanted(`quota: ${webhookRow}`);
  if (chosen.length === 0 && !withWebhooks) return;
  const service = await startService(runner.folderFor("quotas"), {
    QUOTA_IMAGES: String(quota.images),
    QUOTA_BYTES: String(quota.bytes),
    QUOTA_TRAINING_MINUTES: "0",
    WEBHOOK_ALLOW_PRIVATE: "true",
  });
  try {
    for (const row of chosen) yield await runRow(service, row);
    if (withWebhooks) yield await runWebhooks(service);
  } finally {
    await service.stop();
  }
}

async function newTenant(service: Service): Promise<Tenant> {
  const key = await newWorkspace(service, "tenant");
  const ask = (outgoing: Outgoing): Promise<Sent> => sendUntilTaken(service.url, key, outgoing);
  const { json: project } = await ask({ path: "/v1/projects", body: json({ name: "quota" }) });
  return { service, key, project: String(project["id"]), ask };
}

async function runRow(service: Service, row: QuotaRow): Promise<QuotaRun> {
  const objects = join(service.dataDir, "objects");
  const tenant = await newTenant(service);
  const before = await bytesBelow(objects);
  const sent = await row.run(tenant);
  const added = (await bytesBelow(objects)) - before;
  const { json: usage } = await tenant.ask({ method: "GET", path: "/v1/usage" });
  const { used: images } = usage["images"] as { used: number };
  const { used: bytes } = usage["bytes"] as { used: number };
  const faults: string[] = [];
  if (added > quota.bytes + oneRequest)
    faults.push(`${kB(added)} are stored; ${kB(quota.bytes)} are the quota`);
  if (added > bytes + oneRequest) faults.push(`usage tells of ${kB(bytes)} where ${kB(added)} are stored`);
  if (images > quota.images) faults.push(`${images} images; ${quota.images} are the quota`);
  for (const { status, code, retryAfter } of sent) {
    const wrong = row.answers && status !== null && !row.answers.includes(status);
    const failed = status === null || (status >= 500 && !(status === 503 && retryAfter));
    if (wrong || failed) faults.push(`answered ${status} ${code}`);
  }
  return {
    name: row.name,
    answer: said(sent),
    stored: kB(added),
    told: `${images} images, ${kB(bytes)}`,
    faults: [...new Set(faults)],
    seen: seenNow(),
  };
}

/** Seconds after which a neighbour's message has had its first try. */
const soon = 15;

async function runWebhooks(service: Service): Promise<QuotaRun> {
  const arrived = Promise.withResolvers<number>();
  const silent = createServer((request) => void request.resume());
  const ready = createServer((request, response) => {
    arrived.resolve(performance.now());
    request.resume();
    response.end();
  });
  const [dead, alive] = await Promise.all(
    [silent, ready].map(async (server) => {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    }),
  );
  try {
    const [tenant, neighbour] = [await newTenant(service), await newTenant(service)];
    const hook = async (of: Tenant, url: string | undefined): Promise<string> =>
      String((await of.ask({ path: "/v1/webhooks", body: json({ url }) })).json["id"]);
    const test = (of: Tenant, id: string): Promise<Sent> => of.ask({ path: `/v1/webhooks/${id}/test` });
    const hooks = await Promise.all(Array.from({ length: 4 }, async () => hook(tenant, dead)));
    const own = await hook(neighbour, alive);
    const sent = await Promise.all(
      hooks.flatMap((id) => Array.from({ length: 19 }, async () => test(tenant, id))),
    );
    const start = performance.now();
    const asked = await test(neighbour, own);
    const at = await Promise.race([
      arrived.promise,
      pause(200_000, Number.POSITIVE_INFINITY, { ref: false }),
    ]);
    const seconds = (at - start) / 1000;
    const faults =
      seconds > soon ? [`a neighbour's message had its first try after ${seconds.toFixed(1)} s`] : [];
    return {
      name: webhookRow,
      answer: said([...sent, asked]),
      stored: "",
      told: `a neighbour's message had its first try after ${seconds.toFixed(1)} s`,
      faults,
      seen: seenNow(),
    };
  } finally {
    for (const server of [silent, ready]) {
      server.closeAllConnections();
      server.close();
    }
  }
}
