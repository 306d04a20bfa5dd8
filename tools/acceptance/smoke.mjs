import { expect, expectError } from "./http.mjs";
import { discPicture, iou, readRle } from "./pictures.mjs";

/** What a minute shows: it is up, keys count, an image comes in, and a box becomes a mask. No trainer is needed. */
export const smoke = [
  [
    "is up and ready, and describes itself",
    async ({ api }) => {
      for (const path of ["/healthz", "/readyz"]) await api.get(path, { key: null });
      const { openapi, paths } = await api.get("/openapi.json", { key: null });
      expect(openapi.startsWith("3."), "a description by OpenAPI 3", openapi);
      expect("/v1/projects/{project_id}/predict" in paths, "predict in the description");
    },
  ],
  [
    "answers nobody without a key, or with a wrong one",
    async ({ api }) => {
      expectError(await api.ask("GET", "/v1/projects", { key: null }), 401);
      expectError(await api.ask("GET", "/v1/projects", { key: "mw_wrong" }), 401);
    },
  ],
  [
    "makes a project, and lists it",
    async (context) => {
      const { api } = context;
      const name = `acceptance ${new Date().toISOString()}`;
      const { id } = await api.post("/v1/projects", { name });
      Object.assign(context, { project: id, at: `/v1/projects/${id}` });
      expect((await api.get(context.at)).name === name, "the project by its name");
      const listed = await api.all("/v1/projects");
      expect(
        listed.some((one) => one.id === id),
        "the project in the list",
      );
    },
  ],
  [
    "takes an image, once for the same bytes",
    async (context) => {
      const { api, at } = context;
      const { png } = discPicture(0);
      const first = await api.post(`${at}/images`, undefined, { body: png, type: "image/png" });
      expect(first.width === 160 && first.height === 120, "160 x 120", first);
      const again = await api.post(`${at}/images`, undefined, { body: png, type: "image/png" });
      expect(again.id === first.id, "one image for one content");
      context.image = first.id;
      const { status, body } = await api.ask("GET", `${at}/images/${first.id}/content`);
      expect(status === 200 && body.equals(png), "the very bytes back");
    },
  ],
  [
    "segments what is in a box, with run lengths that add up",
    async ({ api, at, image }) => {
      const { box, mask } = discPicture(0);
      const answer = await api.post(`${at}/predict`, { image: { id: image }, prompts: [{ box }] });
      const [one] = answer.results[0].predictions[0].masks;
      const found = readRle(one);
      const area = found.reduce((sum, value) => sum + value, 0);
      expect(area === one.area, "the area that is told", { told: one.area, counted: area });
      expect(iou(found, mask) > 0.5, "the disc, at IoU above .5", iou(found, mask));
    },
  ],
  [
    "refuses what makes no sense, and says which field",
    async ({ api, at, image }) => {
      const wrong = { image: { id: image }, prompts: [{ box: [500, 500, 600, 600] }] };
      const answer = await api.ask("POST", `${at}/predict`, { json: wrong });
      expect(answer.status >= 400 && answer.status < 500, "a 4xx", answer.status);
      expect(answer.body.error.param.startsWith("prompts[0]"), "the field", answer.body.error);
      expectError(await api.ask("GET", `${at}/images/img_none`), 404);
      expectError(
        await api.ask("POST", "/v1/projects", { body: "{", type: "application/json" }),
        400,
        "invalid_json",
      );
    },
  ],
];
