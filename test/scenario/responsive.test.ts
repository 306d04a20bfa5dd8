import { afterAll, beforeAll, expect, it } from "vitest";
import { idOf, overHttp, type TestApp, testApp } from "../helpers/app.ts";
import { asPng, noiseImage } from "../worlds/images.ts";
import { makeProject } from "../helpers/seeds.ts";

// What an encode costs is what this is about.
process.env["MASKWRIGHT_TEST_ENCODER"] = "real";

let app: TestApp;
beforeAll(async () => {
  app = await testApp();
});
afterAll(() => app.close());

it("answers health checks and cached predictions while an image is being encoded", async () => {
  const project = await makeProject(app.a);
  const upload = async (seed: number): Promise<string> => {
    const body = new Uint8Array(await asPng(noiseImage(640, 480, seed)));
    const headers = { "content-type": "image/png" };
    return idOf(await app.a.send("POST", `/v1/projects/${project}/images`, { body, headers }));
  };
  const [cached, fresh] = [await upload(1), await upload(2)];

  await overHttp(app.app, async (origin) => {
    const predict = async (id: string): Promise<number> => {
      const response = await fetch(`${origin}/v1/projects/${project}/predict`, {
        method: "POST",
        headers: { authorization: `Bearer ${app.a.key}`, "content-type": "application/json" },
        body: JSON.stringify({ image: { id }, prompts: [{ box: [20, 20, 300, 300] }] }),
      });
      await response.arrayBuffer();
      return response.status;
    };
    expect(await predict(cached)).toBe(200);

    const order: string[] = [];
    const encoding = predict(fresh).then((status) => {
      order.push("encode");
      return status;
    });
    for (let i = 0; i < 5; i++) {
      const health = await fetch(`${origin}/healthz`);
      expect(health.status).toBe(200);
      await health.arrayBuffer();
      order.push("health");
    }
    expect(await predict(cached)).toBe(200);
    order.push("cached");
    expect(await encoding).toBe(200);
    // By order, not by time: an encode takes most of a second, and nobody waited for it.
    expect(order).toEqual([...Array<string>(5).fill("health"), "cached", "encode"]);
  });
});
