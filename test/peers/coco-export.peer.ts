import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openDatabase, type OpenDatabase } from "../../src/db/client.ts";
import { startEmbeddedPostgres } from "../../src/db/embedded.ts";
import { migrate } from "../../src/db/migrate.ts";
import { insertAnnotation } from "../../src/db/queries/annotations.ts";
import { insertImage } from "../../src/db/queries/images.ts";
import { exportCoco } from "../../src/exports/coco.ts";
import { areaOf, boxOf } from "../../src/imaging/geometry.ts";
import { encodeRle } from "../../src/imaging/rle.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { createLog } from "../../src/lib/log.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { newProject } from "../training/project.ts";
import { runPython } from "./python.ts";

let folder: string;
let server: Awaited<ReturnType<typeof startEmbeddedPostgres>>;
let database: OpenDatabase;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "maskwright-peers-"));
  // A root run starts Postgres as another user, who has to get in.
  await chmod(folder, 0o755);
  server = await startEmbeddedPostgres({ dataDir: folder, log: createLog({ level: "warn", name: "test" }) });
  await migrate(server.url);
  database = openDatabase(server.url, { max: 2 });
});
afterAll(async () => {
  await database?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

it("pycocotools loads an export and decodes every mask bit for bit", async () => {
  const { db } = database;
  const scope = await newProject(db);
  const random = seededRandom(7);
  const wanted: string[] = [];
  for (let i = 0; i < 12; i++) {
    const [width, height] = [20 + random.below(200), 20 + random.below(200)];
    const hash = sha256(`image ${i}`);
    const image = { ...scope, id: `img_${i}`, sha256: hash, objectKey: hash, bytes: 1, format: "png" };
    await insertImage(db, { ...image, width, height, fileName: `${i}.png` });
    for (let k = 0; k < i % 4; k++) {
      const data = Uint8Array.from({ length: width * height }, () => (random.below(5) < k + 1 ? 1 : 0));
      const mask = { width, height, data };
      const box = [...boxOf(mask)] as [number, number, number, number];
      const label = k === 0 ? null : `label ${k}`;
      const facts = {
        counts: encodeRle(mask).counts,
        area: areaOf(mask),
        box,
        label,
        source: "api" as const,
      };
      await insertAnnotation(db, { ...scope, ...facts, id: `ann_${i}_${k}`, imageId: image.id });
      const bbox = [box[0], box[1], box[2] - box[0], box[3] - box[1]].join(",");
      wanted.push(`ann_${i}_${k} ${i}.png ${label ?? "unlabelled"}: ${sha256(data)} ${facts.area} ${bbox}`);
    }
  }
  const file = join(folder, "coco.json");
  const { content } = await exportCoco(db, scope);
  await pipeline(content as NodeJS.ReadableStream, createWriteStream(file));
  const printed = await runPython(
    `
import contextlib, hashlib, io, sys
import numpy as np
from pycocotools import mask as rle
from pycocotools.coco import COCO
with contextlib.redirect_stdout(io.StringIO()):
    coco = COCO(sys.argv[1])
for a in coco.loadAnns(coco.getAnnIds()):
    m = np.ascontiguousarray(coco.annToMask(a))
    image, = coco.loadImgs(a["image_id"])
    label, = coco.loadCats(a["category_id"])
    assert m.shape == (image["height"], image["width"]) and int(rle.area(coco.annToRLE(a))) == a["area"]
    assert list(rle.toBbox(coco.annToRLE(a))) == a["bbox"]
    box = ",".join(str(int(v)) for v in a["bbox"])
    print(a["maskwright_id"], image["file_name"], label["name"] + ":", hashlib.sha256(m.tobytes()).hexdigest(), a["area"], box)
`,
    [file],
  );
  expect(printed.trim().split("\n").sort()).toEqual(wanted.sort());
});
