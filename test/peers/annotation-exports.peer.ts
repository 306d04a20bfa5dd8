import { chmod, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { openDatabase, type OpenDatabase } from "../../src/db/client.ts";
import { startEmbeddedPostgres } from "../../src/db/embedded.ts";
import { migrate } from "../../src/db/migrate.ts";
import { insertAnnotation } from "../../src/db/queries/annotations.ts";
import { insertImage } from "../../src/db/queries/images.ts";
import { categoryIds, cocoResults } from "../../src/exports/annotations/coco-results.ts";
import { exportAnnotations } from "../../src/exports/annotations/index.ts";
import type { AnnotationExport } from "../../src/exports/annotations/types.ts";
import type { ProjectScope } from "../../src/db/queries/scope.ts";
import { areaOf, boxOf } from "../../src/imaging/geometry.ts";
import { encodeRle } from "../../src/imaging/rle.ts";
import { sha256 } from "../../src/lib/hash.ts";
import { createMemoryBudget } from "../../src/lib/memory-budget.ts";
import { createLog } from "../../src/lib/log.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { findScores, overlapsOf } from "../../src/training/finder/find-scores.ts";
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

interface Noisy {
  scope: ProjectScope;
  wanted: string[];
  masks: string[];
  sizes: Record<string, [number, number]>;
}

/** Noise of several densities on images of several sizes: parts, holes and corners that touch, without end. */
async function noisyProject(): Promise<Noisy> {
  const { db } = database;
  const scope = await newProject(db);
  const random = seededRandom(7);
  const wanted: string[] = [];
  const masks: string[] = [];
  // YOLO's files know no sizes; the images have them.
  const sizes: Record<string, [number, number]> = {};
  for (let i = 0; i < 12; i++) {
    const [width, height] = [20 + random.below(200), 20 + random.below(200)];
    sizes[i] = [height, width];
    const hash = sha256(`image ${scope.projectId} ${i}`);
    const image = {
      ...scope,
      id: `${scope.projectId}_img_${i}`,
      sha256: hash,
      objectKey: hash,
      bytes: 1,
      format: "png",
    };
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
      await insertAnnotation(db, {
        ...scope,
        ...facts,
        id: `${scope.projectId}_${i}_${k}`,
        imageId: image.id,
      });
      const bbox = [box[0], box[1], box[2] - box[0], box[3] - box[1]].join(",");
      wanted.push(
        `${scope.projectId}_${i}_${k} ${i}.png ${label ?? "unlabelled"}: ${sha256(data)} ${facts.area} ${bbox}`,
      );
      masks.push(`${i} ${sha256(data)}`);
    }
  }
  return { scope, wanted, masks, sizes };
}

const memory = createMemoryBudget(1024 ** 3);

async function exported(scope: ProjectScope, options: Omit<AnnotationExport, "tolerance">): Promise<string> {
  const file = join(folder, `${options.format}-${options.shapes}`);
  const { content } = await exportAnnotations({ db: database.db, memory }, scope, {
    ...options,
    tolerance: 0,
  });
  await pipeline(content as NodeJS.ReadableStream, createWriteStream(file));
  return file;
}

it("pycocotools loads an export and decodes every mask bit for bit", async () => {
  const { scope, wanted } = await noisyProject();
  for (const shapes of ["masks", "polygons"] as const) {
    const file = await exported(scope, { format: "coco", shapes });
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
  }
});

it("COCOeval reads results beside the annotations, and scores them as we do", async () => {
  const { scope } = await noisyProject();
  const coco = await exported(scope, { format: "coco", shapes: "masks" });
  interface Truth {
    image_id: number;
    category_id: number;
    segmentation: { size: [number, number]; counts: string };
    box: [number, number, number, number];
  }
  const { annotations: truth, categories } = JSON.parse(await readFile(coco, "utf8")) as {
    annotations: Truth[];
    categories: { id: number; name: string }[];
  };
  const random = seededRandom(3);
  const names = new Map(categories.map(({ id, name }) => [id, name === "unlabelled" ? null : name]));
  // Some masks as they are, some of another object, some missing, in an order of their own.
  const images = [...Map.groupBy(truth, (one) => one.image_id)].map(([number, own]) => ({
    number,
    own: own.map(({ segmentation, box, category_id: id }) => ({
      mask: { format: "rle" as const, ...segmentation },
      bbox: box,
      label: names.get(id) ?? null,
    })),
  }));
  const found = images.map(({ number, own }) => ({
    number,
    objects: own.flatMap((one, i) => {
      const mask = random.next() < 0.3 ? (own[(i + 1) % own.length] as typeof one).mask : one.mask;
      if (random.next() < 0.2) return [];
      return [{ ...one, mask, labelScore: random.next(), score: 0.9 }];
    }),
  }));
  const file = join(folder, "results.json");
  const labels = categories.map(({ id }) => names.get(id) ?? null);
  await pipeline(
    cocoResults(Readable.from(found), categoryIds(labels, ["never annotated"])),
    createWriteStream(file),
  );
  const printed = await runPython(
    `
import contextlib, io, json, sys
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
with contextlib.redirect_stdout(io.StringIO()):
    truth = COCO(sys.argv[1])
    run = COCOeval(truth, truth.loadRes(sys.argv[2]), "segm")
    run.evaluate(); run.accumulate(); run.summarize()
print(json.dumps([float(v) for v in run.stats[:2]]))
`,
    [coco, file],
  );
  const [ap, ap50] = JSON.parse(printed) as [number, number];
  const overlaps = images.map(({ number, own }, i) =>
    overlapsOf({
      group: String(number),
      truth: own,
      found: (found[i]?.objects ?? [])
        .map((one) => ({ ...one, score: one.labelScore }))
        .sort((a, b) => b.score - a.score),
    }),
  );
  const ours = labels.map((label) => findScores(overlaps, 0, label));
  const mean = (name: "ap" | "ap50"): number =>
    ours.reduce((sum, one) => sum + (one[name] as number), 0) / ours.length;
  expect(ap50).toBeGreaterThan(0.2);
  expect(ap50).toBeLessThan(0.95);
  expect([mean("ap"), mean("ap50")].map((value) => value.toFixed(6))).toEqual(
    [ap, ap50].map((value) => value.toFixed(6)),
  );
});

it("the outlines and run lengths of other formats decode to the very masks", async () => {
  const { scope, masks, sizes } = await noisyProject();
  const asked: readonly Omit<AnnotationExport, "tolerance">[] = [
    { format: "yolo", shapes: "polygons" },
    { format: "labelme", shapes: "polygons" },
    { format: "labelme", shapes: "masks" },
    { format: "label_studio", shapes: "polygons" },
    { format: "cvat", shapes: "polygons" },
    { format: "cvat", shapes: "masks" },
  ];
  for (const options of asked) {
    const printed = await runPython(readers, [
      await exported(scope, options),
      `${options.format} ${options.shapes}`,
      JSON.stringify(sizes),
    ]);
    expect(printed.trim().split("\n").sort(), options.format).toEqual(masks.toSorted());
  }
});

const readers = `
import base64, hashlib, io, json, sys, zipfile
import xml.etree.ElementTree as ET
import numpy as np
from PIL import Image
from pycocotools import mask as rle
z = zipfile.ZipFile(sys.argv[1])
text = lambda name: z.read(name).decode()
stem = lambda name: name.split("/")[-1].split(".")[0]
def show(image, m):
    print(image, hashlib.sha256(np.ascontiguousarray(m.astype(np.uint8)).tobytes()).hexdigest())
def draw(image, rings, h, w):
    show(image, rle.decode(rle.merge(rle.frPyObjects(rings, h, w))))
def labelme():
    for name in z.namelist():
        if name.endswith(".json") and name != "maskwright.json":
            yield stem(name), json.loads(text(name))
sizes = {}
if sys.argv[2].startswith("labelme"):
    sizes = {i: (d["imageHeight"], d["imageWidth"]) for i, d in labelme()}
if sys.argv[2].startswith("yolo"):
    for name in z.namelist():
        if name.startswith("labels/"):
            h, w = json.loads(sys.argv[3])[stem(name)]
            for line in text(name).splitlines():
                ring = np.array(line.split()[1:], float).reshape(-1, 2) * [w, h]
                draw(stem(name), [ring.ravel().tolist()], h, w)
elif sys.argv[2] == "labelme polygons":
    for image, d in labelme():
        objects = {}
        for k, s in enumerate(d["shapes"]):
            key = ("alone", k) if s["group_id"] is None else s["group_id"]
            objects.setdefault(key, []).append(np.array(s["points"], float).ravel().tolist())
        for rings in objects.values():
            draw(image, rings, *sizes[image])
elif sys.argv[2] == "labelme masks":
    for image, d in labelme():
        for s in d["shapes"]:
            m = np.zeros(sizes[image], bool)
            (x1, y1), (x2, y2) = s["points"]
            m[y1 : y2 + 1, x1 : x2 + 1] = np.array(Image.open(io.BytesIO(base64.b64decode(s["mask"])))).astype(bool)
            show(image, m)
elif sys.argv[2].startswith("label_studio"):
    for task in json.loads(text("tasks.json")):
        for r in task["annotations"][0]["result"]:
            h, w = r["original_height"], r["original_width"]
            ring = np.array(r["value"]["points"], float) / 100 * [w, h]
            draw(stem(task["data"]["image"].split("d=")[-1]), [ring.ravel().tolist()], h, w)
else:
    for image in ET.fromstring(text("annotations.xml")).iter("image"):
        h, w = int(image.get("height")), int(image.get("width"))
        for s in image:
            if s.tag == "polygon":
                draw(stem(image.get("name")), [[float(v) for p in s.get("points").split(";") for v in p.split(",")]], h, w)
                continue
            runs = [int(v) for v in s.get("rle").split(",")]
            left, top, width, height = (int(s.get(k)) for k in ("left", "top", "width", "height"))
            m = np.zeros((h, w), bool)
            part = np.repeat(np.arange(len(runs)) % 2, runs).reshape(height, width)
            m[top : top + height, left : left + width] = part
            show(stem(image.get("name")), m)
`;
