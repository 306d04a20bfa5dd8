import { asPng } from "../../test/worlds/images.ts";
import { ringImage } from "../../test/worlds/rings.ts";
import { drawPage } from "../../src/samples/pages.ts";
import { packPages } from "../../src/samples/zip.ts";
import { encodeRle } from "../../src/imaging/rle.ts";

interface Row {
  readonly id: string;
  readonly status: string;
}
type Rows = { readonly data: Row[] };

/** A little of everything that a release's users do, over HTTP; each call must be answered as here. */
export async function liveThroughStory(url: string, key: string): Promise<void> {
  const call = async <T>(method: string, path: string, body?: object, wanted = 200): Promise<T> => {
    const raw = body instanceof Uint8Array;
    const type = raw ? (path.endsWith("imports") ? "application/zip" : "image/png") : "application/json";
    const answer = await fetch(`${url}/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body && { "content-type": type }) },
      ...(body && { body: raw ? Buffer.from(body) : JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (answer.status !== wanted) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return (answer.headers.get("content-type")?.includes("json") ? JSON.parse(text) : text) as T;
  };
  const until = async (path: string, reached: (row: Row) => boolean): Promise<Row> => {
    for (;;) {
      const row = await call<Row>("GET", path);
      if (reached(row)) return row;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  };
  const ended = ({ status }: Row): boolean => ["succeeded", "failed", "cancelled"].includes(status);
  const succeeded = async (path: string): Promise<void> => {
    const { status } = await until(path, ended);
    if (status !== "succeeded") throw new Error(`${path} is ${status}`);
  };

  const { id } = await call<Row>("POST", "/projects", { name: "stamps" }, 201);
  const other = await call<Row>("POST", "/projects", { name: "to be deleted" }, 201);
  const project = `/projects/${id}`;
  await call("PATCH", project, { name: "ink", promotion_policy: "always" });
  await call<Rows>("GET", "/projects?limit=1");

  const images: string[] = [];
  for (let seed = 1; seed <= 6; seed++) {
    const { image, mask } = ringImage(seed);
    const bytes = await asPng(image);
    const { id: imageId } = await call<Row>("POST", `${project}/images`, bytes, 201);
    if (seed === 1) await call("POST", `${project}/images`, bytes);
    images.push(imageId);
    await call(
      "POST",
      `${project}/annotations`,
      { image_id: imageId, mask: encodeRle(mask), label: "ring" },
      201,
    );
  }
  await call("GET", `${project}/images?limit=2`);
  await call("GET", `${project}/images/${images[0]}/content`);
  const { data: annotations } = await call<Rows>("GET", `${project}/annotations?limit=3`);
  await call("GET", `${project}/annotations/${annotations[0]?.id}`);

  const zip = await packPages([await drawPage(7, 0)]);
  const { id: importId } = await call<Row>("POST", `${project}/imports`, zip, 202);
  await succeeded(`${project}/imports/${importId}`);
  const { id: brokenId } = await call<Row>("POST", `${project}/imports`, zip.subarray(0, 500), 202);
  await until(`${project}/imports/${brokenId}`, ended);
  await call("GET", `${project}/imports`);

  const image = { id: images[0] };
  const prompts = [{ box: [10, 10, 80, 80] }, { points: [[40, 40, 1]] }];
  await call("POST", `${project}/predict`, { image, prompts, version: "base" });

  const hyperparameters = { epochs: 1, batch_size: 2, learning_rate: 1e-4 };
  const start = (more: object = {}): Promise<Row> =>
    call("POST", `${project}/fine-tunes`, { hyperparameters, ...more }, 202);
  const first = await start();
  await succeeded(`${project}/fine-tunes/${first.id}`);
  await call("GET", `${project}/fine-tunes/${first.id}/events?limit=5`);
  const second = await start({ base_version: 1, seed: 3 });
  const third = await start();
  await call("POST", `${project}/fine-tunes/${third.id}/cancel`);
  await until(`${project}/fine-tunes/${second.id}`, (row) => row.status === "running" || ended(row));
  // It may have ended by itself.
  await call("POST", `${project}/fine-tunes/${second.id}/stop`).catch(() => {});
  await succeeded(`${project}/fine-tunes/${second.id}`);
  await call("GET", `${project}/fine-tunes`);

  await call("GET", `${project}/versions`);
  await call("GET", `${project}/versions/1`);
  await call("GET", `${project}/versions/1/export?format=safetensors`);
  await call("POST", `${project}/versions/1/promote`, { reason: "the first one was better" });
  await call("POST", `${project}/rollback`, { reason: "it was not" });
  await call("GET", `${project}/promotions`);
  await call("POST", `${project}/predict`, { image, prompts, version: ["base", "active", 1] });

  await call("DELETE", `${project}/annotations/${annotations[0]?.id}`);
  await call("DELETE", `${project}/images/${images[1]}`);
  await call("DELETE", `/projects/${other.id}`);
}
