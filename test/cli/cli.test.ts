import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eq } from "../../src/db/drizzle.ts";
import { autoLabels } from "../../src/db/schema/index.ts";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { Story } from "../../src/cli/fine-tune.ts";
import { run } from "../../src/cli/main.ts";
import { overHttp, type TestApp, testApp } from "../helpers/app.ts";
import { findingProject } from "../worlds/auto-label.ts";
import { asPng, discImage } from "../worlds/images.ts";
import { sink } from "../helpers/sink.ts";
import { makeProject, seedAnnotated, seedVersion } from "../helpers/seeds.ts";

let app: TestApp;
let folder: string;
beforeAll(async () => {
  app = await testApp();
  folder = await mkdtemp(join(tmpdir(), "maskwright-cli-"));
});
afterAll(async () => {
  await app?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Runs a command with a's key; `env` says otherwise. */
async function maskwright(
  argv: string[],
  env: { url?: string | undefined; key?: string | undefined },
): Promise<{ code: number; out: string; err: string }> {
  const [out, err] = [sink(), sink()];
  const settings = { url: env.url, key: env.key, loginFile: join(folder, "config", "login.json") };
  const code = await run(argv, settings, { out: out.stream, err: err.stream });
  return { code, out: out.text(), err: err.text() };
}

const live = async (use: (url: string) => Promise<void>) => overHttp(app.app, use);

describe("login", () => {
  it("keeps what the server took, for its owner alone, and gives the key to no other server", async () => {
    await live(async (url) => {
      const refused = await maskwright(["login", "--url", url, "--key", "mw_wrong"], {});
      expect(refused).toMatchObject({ code: 1, out: "" });
      expect(refused.err).toMatch(/^maskwright: invalid_api_key: .+\n$/);
      const before = await maskwright(["projects"], {});
      expect(before.err).toMatch(/^maskwright: not_logged_in: No server: .+\n$/);

      expect(await maskwright(["login", "--url", `${url}/`, "--key", app.a.key], {})).toMatchObject({
        code: 0,
      });
      expect((await stat(join(folder, "config", "login.json"))).mode & 0o777).toBe(0o600);
      const id = await makeProject(app.a, "kept");
      expect((await maskwright(["projects"], {})).out).toContain(id);
      const own = JSON.parse((await maskwright(["projects", "--json"], { key: app.b.key })).out) as unknown[];
      expect(own).toEqual([]);
      const elsewhere = await maskwright(["projects"], { url: "http://127.0.0.1:1" });
      expect(elsewhere.err).toMatch(/^maskwright: not_logged_in: No key for http:\/\/127\.0\.0\.1:1: /);
    });
  });
});

describe("predict", () => {
  it("writes a mask and an overlay of the image's size", async () => {
    await live(async (url) => {
      const env = { url, key: app.a.key };
      const project = await makeProject(app.a);
      const { image, mask } = discImage(96, 64, { x: 48, y: 32, radius: 20 });
      const [file, overlay, out] = ["in.png", "over.png", "mask.png"].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      await writeFile(file, await asPng(image));
      const flags = ["--box", "28,12,68,52", "--point", "48,32", "--overlay", overlay, "--mask", out];
      const answer = await maskwright(["predict", project, file, ...flags], env);
      expect(answer).toMatchObject({ code: 0, err: "" });
      expect(answer.out).toMatch(
        /^mask 1: score [\d.]+, \d+ pixels, box [\d,]+\nwrote .+\nwrote .+\nversion base\n$/,
      );
      expect(await sharp(out).metadata()).toMatchObject({ width: 96, height: 64, channels: 1 });
      const data = await sharp(out).toColourspace("b-w").raw().toBuffer();
      const agree = mask.data.filter((value, i) => value === (data[i] === 255 ? 1 : 0)).length;
      expect(agree / mask.data.length).toBeGreaterThan(0.97);
      const tinted = await sharp(overlay).removeAlpha().raw().toBuffer();
      // The disc is blue and gets a red tint; the paper keeps its colour.
      const at = (x: number, y: number) => tinted[(y * 96 + x) * 3] as number;
      expect(at(40, 24)).toBeGreaterThan(100);
      expect(Math.abs(at(2, 2) - (image.data[(2 * 96 + 2) * 3] as number))).toBeLessThan(3);
    });
  });

  it("lists a project's images, and what to label next with the reason", async () => {
    const project = await makeProject(app.a);
    const { image } = discImage(96, 64, { x: 48, y: 32, radius: 17 });
    const body = Uint8Array.from(await asPng(image));
    await app.a.send("POST", `/v1/projects/${project}/images?file_name=a.png`, { body });
    await live(async (url) => {
      const env = { url, key: app.a.key };
      const plain = await maskwright(["images", project], env);
      expect(plain.out).toMatch(/^id +name +size *\nimg_\w+ +a\.png +96 x 64 *\n$/);
      const next = await maskwright(["images", project, "--order", "worth"], env);
      expect(next.out).toMatch(
        /^rank +id +name +size +why *\n- +img_\w+ +a\.png +96 x 64 +not embedded *\n$/,
      );
      const wrong = await maskwright(["images", project, "--order", "best"], env);
      expect(wrong.err).toMatch(/^maskwright: usage: --order /);
    });
  });

  it("has objects proposed, and waits until that has ended", async () => {
    const found = await findingProject(app, 2);
    await live(async (url) => {
      const asked = maskwright(["auto-label", found.id, "--label", "stamp"], { url, key: app.a.key });
      let job: string | undefined;
      while (job === undefined) {
        const rows = await app.db.select().from(autoLabels).where(eq(autoLabels.projectId, found.id));
        job = rows[0]?.id;
      }
      await found.run(job);
      const out = "version 1 proposes 2 objects in 2 images, to be reviewed\n";
      expect(await asked).toMatchObject({ code: 0, out, err: "" });
    });
  });

  it("tells in one line what is wrong, with the API's code", async () => {
    await live(async (url) => {
      const env = { url, key: app.a.key };
      const file = join(folder, "text.png");
      await writeFile(file, "no image");
      await writeFile(join(folder, "tasks.json"), "[]");
      const project = await makeProject(app.a);
      const lines = [
        [
          ["predict", project, file],
          /^maskwright: usage: Give a --box, a --point, a --label, a --region, a --like or --find\.\n$/,
        ],
        [["predict", project, file, "--like", "1,2"], /^maskwright: usage: --like [^\n]+\n$/],
        [["predict", project, file, "--box", "1,2,3"], /^maskwright: usage: --box takes 4 numbers .+\n$/],
        [["predict", project, file, "--label", "a"], /^maskwright: finder_missing: [^\n]+ \(version\)\n$/],
        [
          ["predict", "prj_none", file, "--point", "1,2"],
          /^maskwright: project_not_found: [^\n]+ \(project_id\)\n$/,
        ],
        [["predict", project, join(folder, "none.png"), "--point", "1,2"], /^maskwright: enoent: [^\n]+\n$/],
        [["import", folder, "--colour", "red"], /^maskwright: usage: [^\n]+\n$/],
        [
          ["import", file, "--project", project, "--base-model", "auto"],
          /^maskwright: usage: --base-model is for a new project; [^\n]+\n$/,
        ],
        [
          ["import", file, "--base-model", "Auto"],
          /^maskwright: base_model_unknown: base_model "Auto" is unknown; [^\n]+; or auto, [^\n]+ \(base_model\)\n$/,
        ],
        [
          ["migrate", "labelbox", folder],
          /^maskwright: usage: TOOL is one of roboflow, label-studio, [^\n]+\n$/,
        ],
        [
          ["migrate", "label-studio", file.replace("text.png", "tasks.json")],
          /^maskwright: usage: tasks\.json holds no pictures: give their folder with --images FOLDER\.\n$/,
        ],
        [
          ["migrate", "label-studio", file, "--images", file],
          /^maskwright: usage: --images takes a folder, and text\.png is none: unpack it first\.\n$/,
        ],
        [["migrate", "hf", folder, "--budget", "soon"], /^maskwright: usage: --budget [^\n]+\n$/],
        [
          ["fine-tune", project, "--serving", "quick"],
          /^maskwright: usage: --serving is interactive or best, not quick\.\n$/,
        ],
        [["auto-label", project], /^maskwright: finder_missing: [^\n]+\n$/],
        [["auto-label", project, "--threshold", "x"], /^maskwright: usage: --threshold [^\n]+\n$/],
        [["sing"], /^maskwright: usage: There is no command sing; [^\n]+\n$/],
      ] as const;
      for (const [argv, line] of lines) {
        const answer = await maskwright([...argv], env);
        expect(answer).toMatchObject({ code: 1, out: "" });
        expect(answer.err).toMatch(line);
      }
      const asJson = await maskwright(["versions", "prj_none", "--json"], env);
      expect(JSON.parse(asJson.err)).toMatchObject({
        error: { code: "project_not_found", param: "project_id" },
      });
      const nobody = await maskwright(["projects"], { url: "http://127.0.0.1:1", key: "mw_x" });
      expect(nobody.err).toMatch(/^maskwright: [^\n]+\n$/);
      expect(nobody.code).toBe(1);
    });
  });
});

describe("versions", () => {
  it("come of a file of weights, and say what was left out of it", async () => {
    await live(async (url) => {
      const env = { url, key: app.a.key };
      const project = await makeProject(app.a);
      const file = join(folder, "tuned.safetensors");
      const loss = { shape: [1], data: Float32Array.of(1) };
      const weights = await baseModel("mobile_sam").decoderWeights();
      await writeFile(file, encodeSafetensors({ ...weights, loss }));
      expect(await maskwright(["upload", project, file], env)).toEqual({
        code: 0,
        err: "",
        out: `version 1 (inactive): ${file}, safetensors\nTensors that are not SAM's were left out: loss.\n`,
      });
      const { body } = await app.a.get(`/v1/projects/${project}/versions/1`);
      expect(body["imported"]).toMatchObject({ file_name: "tuned.safetensors" });
      await writeFile(file, "no weights at all");
      const refused = await maskwright(["upload", project, file], env);
      expect(refused.code).toBe(1);
      expect(refused.err).toMatch(/^maskwright: weights_unreadable: file: it is neither a PyTorch zip/);
      const unsigned = join(folder, "other.sig");
      await writeFile(unsigned, "{}");
      const signed = await maskwright(["upload", project, file, "--signature", unsigned], env);
      expect(signed.err).toMatch(/^maskwright: signature_refused: /);
    });
  });

  it("are listed with their gain, go live and come back", async () => {
    await live(async (url) => {
      const env = { url, key: app.a.key };
      const project = await makeProject(app.a);
      await seedVersion(app, project, 1);
      await seedVersion(app, project, 2);
      const list = await maskwright(["versions", project], env);
      expect(list.out).toMatch(
        /^version +status +base +tuned +gain in IoU +made\n2 +inactive +0\.250 +0\.500 +\+0\.250 /,
      );
      expect((await maskwright(["promote", project, "2", "--reason", "better"], env)).out).toBe(
        "live: version 2 (was base)\n",
      );
      expect((await maskwright(["rollback", project], env)).out).toBe("live: base (was version 2)\n");
      expect((await maskwright(["promote", project, "3"], env)).err).toMatch(
        /^maskwright: version_not_found: /,
      );
      const { body } = await app.a.get(`/v1/projects/${project}/promotions`);
      expect((body["data"] as { reason: string }[]).at(-1)?.reason).toBe("better");
      const file = join(folder, "base.safetensors");
      expect(await maskwright(["export", project, "base", "-o", file], env)).toMatchObject({ code: 0 });
      expect((await stat(file)).size).toBeGreaterThan(1_000_000);
    });
  });

  it("exports annotations in another tool's format", async () => {
    await live(async (url) => {
      const env = { url, key: app.a.key };
      const project = await makeProject(app.a);
      await seedAnnotated(app, project, 2);
      const file = join(folder, "annotations");
      const wrote = async (...options: string[]): Promise<string> => {
        const { code } = await maskwright(["export", "annotations", project, "-o", file, ...options], env);
        expect(code).toBe(0);
        return readFile(file, "latin1");
      };
      expect((JSON.parse(await wrote()) as { annotations: object[] }).annotations).toHaveLength(2);
      expect(await wrote("--format", "yolo")).toContain("data.yaml");
      const refused = await maskwright(["export", "annotations", project, "--format", "xlsx"], env);
      expect(refused.err).toMatch(/^maskwright: usage: --format is one of coco, yolo, .+ not xlsx\.\n$/);
    });
  });
});

describe("the story of a fine-tune", () => {
  it("draws trials, both curves and the bar from the events", () => {
    const story = new Story();
    const hear = (message: string, data: Record<string, unknown>) =>
      story.hear({
        id: "evt",
        object: "fine_tune.event",
        created_at: "",
        level: "info",
        type: "metrics",
        message,
        data,
      });
    hear("Trial 1", { trial: 1, mean_iou: 0.5 });
    hear("Epoch 0", { epoch: 0, train_loss: null, selection_iou: 0.25 });
    for (const [i, loss] of [0.9, 0.5, 0.3].entries())
      hear(`Epoch ${i + 1}`, { epoch: i + 1, train_loss: loss, selection_iou: 0.4 + i / 10 });
    const job = { status: "running", progress: { phase: "train", done: 5, total: 10, eta_seconds: 7 } };
    const lines = story.lines(job as never, 80);
    expect(lines[0]).toBe("Trial 1");
    expect(lines).toContain("selection IoU 0.6000");
    expect(lines).toContain("train loss 0.3000");
    expect(lines.at(-2)).toMatch(/^train +\u2588{15}\u2591{15} +50 % {2}7 s left$/);
    expect(lines.at(-1)).toBe("Epoch 3");
  });
});
