import { setTimeout as pause } from "node:timers/promises";
import { expect, expectError } from "./http.mjs";
import { discPicture } from "./pictures.mjs";

const pictures = 6;
/** The least that trains: what is tried is the way, not the gain. */
const hyperparameters = { epochs: 1, batch_size: 2, refine: "none", finder: "none" };

/** The main job: masks, a fine-tune, its version, live and back, out and in again. A trainer has to run. */
export const core = [
  [
    "takes masks as polygons",
    async ({ api, at }) => {
      for (let i = 0; i < pictures; i++) {
        const { png, box } = discPicture(i);
        const { id } = await api.post(`${at}/images`, undefined, { body: png, type: "image/png" });
        const [x0, y0, x1, y1] = box;
        const [cx, cy, r] = [(x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2];
        const ring = Array.from({ length: 24 }, (_, k) => (2 * Math.PI * k) / 24).flatMap((angle) => [
          cx + r * Math.cos(angle),
          cy + r * Math.sin(angle),
        ]);
        await api.post(`${at}/annotations`, {
          image_id: id,
          mask: { format: "polygon", polygons: [ring] },
          label: "disc",
        });
      }
      expect((await api.all(`${at}/annotations`, 4)).length === pictures, "every annotation, over pages");
    },
  ],
  [
    "fine-tunes, and tells how it goes",
    async (context) => {
      const { api, at, seconds } = context;
      let row = await api.post(`${at}/fine-tunes`, { hyperparameters });
      const one = `${at}/fine-tunes/${row.id}`;
      for (const end = Date.now() + seconds * 1000; row.finished_at === null; row = await api.get(one)) {
        expect(Date.now() < end, `an end within ${seconds} s (--timeout)`, {
          status: row.status,
          progress: row.progress,
        });
        await pause(500);
      }
      expect(row.status === "succeeded", "a fine-tune that succeeded", row.error ?? row.status);
      expect((await api.all(`${one}/events`)).length > 3, "its story in events");
      context.version = row.version;
      const { metrics } = await api.get(`${at}/versions/${row.version}`);
      const { base, tuned } = metrics.held_out;
      expect(
        [base, tuned].every(({ mean_iou: value }) => value >= 0 && value <= 1),
        "scores of held-out images",
        metrics.held_out,
      );
    },
  ],
  [
    "answers by the version that was asked for",
    async ({ api, at, image, version }) => {
      const json = {
        image: { id: image },
        prompts: [{ box: discPicture(0).box }],
        version: ["base", version],
      };
      const { status, headers, body } = await api.ask("POST", `${at}/predict`, { json });
      expect(status === 200, "200", body);
      expect(
        headers.get("x-model-version") === `base,${version}`,
        "both in x-model-version",
        headers.get("x-model-version"),
      );
    },
  ],
  [
    "puts a version live and takes it back",
    async ({ api, at, version }) => {
      const live = async () => (await api.get(at)).active_version;
      const first = await live();
      if (first !== version) await api.post(`${at}/versions/${version}/promote`, { reason: "acceptance" });
      expect((await live()) === version, "the version live", await live());
      await api.post(`${at}/rollback`, { reason: "acceptance" });
      expect((await live()) === null, "the base again", await live());
    },
  ],
  [
    "exports a version, and imports it as another",
    async ({ api, at, version }) => {
      const { status, headers, body } = await api.ask(
        "GET",
        `${at}/versions/${version}/export?format=safetensors`,
      );
      expect(status === 200, "the file", status);
      const names = Object.keys(JSON.parse(body.subarray(8, 8 + Number(body.readBigUInt64LE(0)))));
      expect(
        names.some((name) => name.startsWith("mask_decoder.")),
        "SAM's names in it",
      );
      const tag = headers.get("etag");
      const again = await api.ask("GET", `${at}/versions/${version}/export?format=safetensors`, {
        headers: { "if-none-match": tag },
      });
      expect(again.status === 304, "304 for who has it", again.status);
      const made = await api.post(`${at}/versions`, undefined, { body, type: "application/octet-stream" });
      expect(made.number === version + 1, "the next number", made.number);
    },
  ],
  [
    "keeps one project's things from another's",
    async ({ api, image, version }) => {
      const { id } = await api.post("/v1/projects", { name: "acceptance, another" });
      try {
        expectError(await api.ask("GET", `/v1/projects/${id}/images/${image}`), 404);
        expectError(await api.ask("GET", `/v1/projects/${id}/versions/${version}`), 404);
      } finally {
        await api.delete(`/v1/projects/${id}`);
      }
    },
  ],
];
