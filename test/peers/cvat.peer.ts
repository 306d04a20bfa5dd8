import { execFile, spawnSync } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, it } from "vitest";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { decodeRle } from "../../src/imaging/rle.ts";
import type { RleMask } from "../../src/imaging/types.ts";
import { overHttp, type TestApp, testApp } from "../helpers/app.ts";
import { makeProject, seedVersion } from "../helpers/seeds.ts";
import { findWith, finder } from "../routes/known-finder.ts";
import { bitsOnImage, cvatMessage } from "../worlds/cvat.ts";
import { asPng, discImage } from "../worlds/images.ts";
import { python } from "./python.ts";

const root = resolve(import.meta.dirname, "../..");
const script = join(root, "peers/cvat_functions.py");
const checkout = process.env["CVAT_CHECKOUT"];
/** tools/test-peers.sh says so loudly where it is not. */
const has =
  checkout !== undefined && spawnSync(python, ["-c", "import yaml, attrs, numpy, PIL"]).status === 0;

const [width, height] = [120, 90];
let app: TestApp;
let folder: string;
let project: string;
beforeAll(async () => {
  if (!has) return;
  folder = await mkdtemp(join(tmpdir(), "maskwright-cvat-"));
  app = await testApp();
  const { inference } = app.services;
  Object.assign(inference, { find: findWith(inference.predict.bind(inference)) });
  project = await makeProject(app.a);
  const weights = encodeSafetensors(await baseModel("mobile_sam").decoderWeights());
  await seedVersion(app, project, 1, weights, {}, finder(["stamp", "Seal"]));
  const { image } = discImage(width, height, { x: 60, y: 45, radius: 25 });
  await writeFile(join(folder, "page.png"), await asPng(image));
});
afterAll(async () => {
  await app?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

async function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const options = { env: { ...process.env, ...env }, maxBuffer: 1e8 };
  return (await promisify(execFile)(python, args, options)).stdout;
}

it.skipIf(!has)("CVAT's server makes the committed messages of our functions' descriptions", async () => {
  await run([script, "messages", folder]);
  for (const name of ["interactor", "interactor-click", "detector", "detector-default"]) {
    const [made, committed] = await Promise.all(
      [folder, join(root, "test/routes/reference")].map((at) =>
        readFile(join(at, `cvat-${name}.json`), "utf8"),
      ),
    );
    expect(JSON.parse(made!)).toEqual(JSON.parse(committed!));
  }
});

/** Runs of a mask's rows and [left, top, right, bottom] behind them, as CVAT keeps them, as pixels of the image. */
function kept(points: readonly number[]): Uint8Array {
  const bits = points.slice(0, -4).flatMap((length, i) => Array.from({ length }, () => i % 2));
  return bitsOnImage([...bits, ...points.slice(-4)], [height, width]).data;
}

interface Shape {
  label_id: number;
  type: string;
  points: number[];
}
interface Ran {
  nuclio: {
    interactor: { mask: number[][]; bounds: number[] };
    spec: { name: string; type: string }[];
    masks: Shape[];
    polygons: Shape[];
  };
  agent: { masks: Shape[]; polygons: Shape[]; interactor: number[] };
}

it.skipIf(!has)(
  "predict's masks arrive in CVAT to the pixel, through Nuclio's function and through an agent's",
  async () => {
    const fake = join(folder, "nuctl");
    await writeFile(
      fake,
      `#!/bin/sh\ncp "$9" "${folder}/function.yaml"\necho "$@" > "${folder}/arguments"\n`,
    );
    await chmod(fake, 0o755);
    const message = cvatMessage("interactor");
    const ran = await new Promise<Ran>((done, fail) => {
      void overHttp(app.app, async (origin) => {
        const env = {
          MASKWRIGHT_URL: origin,
          MASKWRIGHT_PROJECT: project,
          MASKWRIGHT_KEY: app.a.key,
          MASKWRIGHT_VERSION: "1",
          PATH: `${folder}:${process.env["PATH"]}`,
        };
        await run([join(root, "examples/cvat/deploy.py"), "detector"], env);
        const spec = await readFile(join(folder, "function.yaml"), "utf8");
        expect(await readFile(join(folder, "arguments"), "utf8")).not.toContain(app.a.key);
        const drawn = { ...message, image: join(folder, "page.png"), threshold: 0.5, spec };
        await writeFile(join(folder, "drawn.json"), JSON.stringify(drawn));
        done(JSON.parse(await run([script, "run", join(folder, "drawn.json")], env)) as Ran);
      }).catch(fail);
    });
    const image = { base64: (await readFile(join(folder, "page.png"))).toString("base64") };
    const points = [...message.pos_points.map((p) => [...p, 1]), ...message.neg_points.map((p) => [...p, 0])];
    const { body } = await app.a.post(`/v1/projects/${project}/predict`, {
      image,
      version: 1,
      prompts: [{ points, box: message.obj_bbox.flat() }],
      find: true,
      find_threshold: 0.5,
    });
    type Masks = { masks: (RleMask & { label: string })[] };
    const [{ predictions, found }] = body["results"] as [{ predictions: [Masks]; found: Masks }];
    const clicked = decodeRle(predictions[0].masks[0]!).data;
    const objects = found.masks.map((mask) => ({
      label_id: mask.label === "stamp" ? 101 : 102,
      pixels: decodeRle(mask).data,
    }));
    expect(objects).toHaveLength(3);

    const { mask, bounds } = ran.nuclio.interactor;
    expect(kept([...runsOf(mask.flat()), ...bounds])).toEqual(clicked);
    expect(kept(ran.agent.interactor)).toEqual(clicked);
    expect(ran.nuclio.spec.map(({ name, type }) => [name, type])).toEqual([
      ["stamp", "mask"],
      ["Seal", "mask"],
    ]);
    for (const { masks, polygons } of [ran.nuclio, ran.agent]) {
      expect(masks.map((one) => ({ label_id: one.label_id, pixels: kept(one.points) }))).toEqual(objects);
      expect(polygons.map(({ type }) => type)).toEqual(["polygon", "polygon", "polygon"]);
      expect(polygons.map((one) => one.label_id)).toEqual(objects.map((one) => one.label_id));
    }
  },
);

/** cvat-core/src/object-utils.ts, mask2Rle. */
function runsOf(bits: readonly number[]): number[] {
  const runs = [0];
  let value = 0;
  for (const bit of bits) {
    if (bit !== value) {
      runs.push(0);
      value = bit;
    }
    runs[runs.length - 1]!++;
  }
  return runs;
}
