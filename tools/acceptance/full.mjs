import { setTimeout as pause } from "node:timers/promises";
import { expect } from "./http.mjs";
import { discPicture, maskPng, zip } from "./pictures.mjs";

/** What else a client builds on: imports, keys of idempotency, feedback, exports of every kind. */
export const full = [
  [
    "imports a zip of images and masks, and says what it left out",
    async ({ api, at, seconds }) => {
      const files = [20, 21, 22].flatMap((number) => {
        const { png, mask } = discPicture(number);
        return [
          [`images/${number}.png`, png],
          [`masks/${number}.png`, maskPng(mask)],
        ];
      });
      files.push(["notes/unknown.xyz", Buffer.from("nobody reads this")]);
      let row = await api.post(`${at}/imports`, undefined, { body: zip(files), type: "application/zip" });
      for (const end = Date.now() + seconds * 1000; row.status === "queued" || row.status === "running";) {
        expect(Date.now() < end, `an end within ${seconds} s (--timeout)`, row.status);
        await pause(300);
        row = await api.get(`${at}/imports/${row.id}`);
      }
      expect(row.status === "succeeded", "an import that succeeded", row.error ?? row.status);
      expect(
        row.skipped.some(({ count }) => count === 1),
        "the file that nobody reads, counted",
        row.skipped,
      );
      expect(row.images_created === 3 && row.annotations_created === 3, "three of each", row);
    },
  ],
  [
    "makes one thing for one Idempotency-Key",
    async ({ api }) => {
      const options = { headers: { "idempotency-key": `acceptance-${Date.now()}` } };
      const [first, second] = [
        await api.post("/v1/projects", { name: "acceptance, once" }, options),
        await api.post("/v1/projects", { name: "acceptance, once" }, options),
      ];
      await api.delete(`/v1/projects/${first.id}`);
      expect(first.id === second.id, "one project");
    },
  ],
  [
    "makes an annotation of an accepted mask",
    async ({ api, at, image }) => {
      const before = (await api.all(`${at}/annotations`)).length;
      const prompts = [{ box: discPicture(0).box }];
      const { id } = await api.post(`${at}/predict`, { image: { id: image }, prompts });
      await api.post(`${at}/predictions/${id}/feedback`, { action: "accept" });
      expect((await api.all(`${at}/annotations`)).length === before + 1, "one annotation more");
    },
  ],
  ...["onnx", "pth", "hf", "bundle"].map((format) => [
    `exports a version as ${format}`,
    async ({ api, at, version }) => {
      const { status, body } = await api.ask("GET", `${at}/versions/${version}/export?format=${format}`);
      expect(status === 200, "the file", Buffer.isBuffer(body) ? status : body);
      expect(body.length > 1_000_000, "a decoder's worth of bytes", body.length);
    },
  ]),
  [
    "exports annotations as COCO",
    async ({ api, at }) => {
      const { images, annotations } = await api.get(`${at}/annotations/export?format=coco`);
      expect(images.length > 3 && annotations.length > 3, "images and annotations", [
        images.length,
        annotations.length,
      ]);
    },
  ],
];
