import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { baseModel } from "../../src/checkpoint/base-models.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { and, eq } from "../../src/db/drizzle.ts";
import { versions } from "../../src/db/schema/index.ts";
import { run } from "../../src/cli/main.ts";
import { sha256 } from "../../src/lib/hash.ts";
import {
  keyIdOf,
  newSigningKey,
  publicKeyOf,
  type SignatureBundle,
  signModel,
  verifyFile,
} from "../../src/lib/model-signature.ts";
import { errorOf, overHttp, type TestApp, testApp } from "../helpers/app.ts";
import { sink } from "../helpers/sink.ts";
import { makeProject, seedVersion } from "../helpers/seeds.ts";

const trusted = newSigningKey();
let app: TestApp;
let folder: string;
let project: string;
let url: string;
let weights: Uint8Array;
let key: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "maskwright-signatures-"));
  const keys = join(folder, "trusted.pem");
  await writeFile(keys, publicKeyOf(trusted));
  app = await testApp({ IMPORT_TRUSTED_KEYS: keys });
  project = await makeProject(app.a);
  url = `/v1/projects/${project}/versions`;
  weights = encodeSafetensors(await baseModel("mobile_sam").decoderWeights());
  const { body } = await app.a.get("/v1/model-signing-key");
  key = body["pem"] as string;
  expect(body["id"]).toBe(keyIdOf(key));
});
afterAll(async () => {
  await app?.close();
  await rm(folder, { recursive: true, force: true });
});

const base64 = (bundle: unknown): string => Buffer.from(JSON.stringify(bundle)).toString("base64");
const signedBy = (privateKey: string, bytes: Uint8Array): string =>
  base64(signModel(privateKey, { name: "mine", files: [{ name: ".", sha256: sha256(bytes) }] }));

const send = (signature?: string) =>
  app.a.send("POST", url, {
    body: Uint8Array.from(weights),
    headers: {
      "content-type": "application/octet-stream",
      ...(signature !== undefined && { "maskwright-signature": signature }),
    },
  });

async function exported(query: string): Promise<Uint8Array> {
  const headers = { authorization: `Bearer ${app.a.key}` };
  return new Uint8Array(await (await app.app.request(`${url}/1/export?${query}`, { headers })).arrayBuffer());
}

describe("an installation that imports what is signed", () => {
  it("asks for a signature, and takes no other's", async () => {
    expect(errorOf(await send())).toBe("422 signature_required Maskwright-Signature");
    for (const signature of ["no base64", signedBy(newSigningKey(), weights)]) {
      expect(errorOf(await send(signature))).toBe("422 signature_refused Maskwright-Signature");
    }
    const ofOthers = signedBy(trusted, Buffer.from("others"));
    expect(errorOf(await send(ofOthers))).toBe("422 signature_refused Maskwright-Signature");
    expect((await app.a.get(url)).body["data"]).toEqual([]);
  });

  it("takes one by a trusted key, signs it as its own, and takes its own exports back", async () => {
    expect((await send(signedBy(trusted, weights))).status).toBe(201);
    const [row] = await app.db.select().from(versions).where(eq(versions.projectId, project));
    const own = verifyFile(row?.signature as SignatureBundle, key, row?.weightsSha256 ?? "");
    expect(own).toMatchObject({
      name: `${project}-v1`,
      about: { maskwright: { project, version: 1, base_model: "mobile_sam" } },
    });
    const query = "format=onnx&variant=single";
    const { body } = await app.a.get(`${url}/1/export/signature?${query}`);
    weights = await exported(query);
    const signed = verifyFile(body as unknown as SignatureBundle, key, sha256(weights));
    expect(signed).toMatchObject({
      name: `${project}-v1-single.onnx`,
      about: { maskwright: { project, version: 1, format: "onnx" } },
    });
    expect((await send(base64(body))).status).toBe(201);
  }, 120_000);
});

describe("the signature of a version", () => {
  it("is told by its file, and refused as the export is", async () => {
    const path = `${url}/1/export/signature?format=card`;
    const { headers } = await app.a.get(path);
    const again = await app.a.send("GET", path, { headers: { "if-none-match": headers.get("etag") ?? "" } });
    expect(again.status).toBe(304);
    expect(errorOf(await app.a.get(`${url}/1/export/signature?format=zip`))).toBe(
      "422 export_format_unsupported format",
    );
  });

  it("is told as it was registered, of the weights that a link gives", async () => {
    const { status, body } = await app.a.get(`${url}/1/signature`);
    expect(status).toBe(200);
    const [row] = await app.db.select().from(versions).where(eq(versions.projectId, project));
    const signed = verifyFile(body as unknown as SignatureBundle, key, row?.weightsSha256 ?? "");
    expect(signed).toMatchObject({ name: `${project}-v1`, about: { maskwright: { snapshot_hash: null } } });
    expect(errorOf(await app.a.get(`${url}/7/signature`))).toBe("404 version_not_found version");
    expect(errorOf(await app.b.get(`${url}/1/signature`))).toBe("404 project_not_found project_id");
  });

  it("that does not hold keeps the version from being given out", async () => {
    await seedVersion(app, project, 9, weights);
    const number = and(eq(versions.projectId, project), eq(versions.number, 9));
    // One from before there were signatures is.
    expect((await app.a.get(`${url}/9/export/signature?format=card`)).status).toBe(200);
    expect(errorOf(await app.a.get(`${url}/9/signature`))).toBe("404 version_unsigned number");
    // Whoever exchanges weights and row has no key to sign with.
    const [first] = await app.db.select().from(versions).where(eq(versions.number, 1));
    const { signature } = first as typeof versions.$inferSelect;
    await app.db.update(versions).set({ signature }).where(number);
    expect(errorOf(await app.a.get(`${url}/9/export/signature?format=card`))).toBe("500 version_damaged");
    expect(errorOf(await app.a.get(`${url}/9/signature`))).toBe("500 version_damaged");
    expect(errorOf(await app.b.get(`${url}/9/export/signature?format=card`))).toBe(
      "404 project_not_found project_id",
    );
  });
});

describe("maskwright verify", () => {
  it("holds a file to its signature, by the server's key or one at hand", async () => {
    await overHttp(app.app, async (server) => {
      const env = { url: server, key: app.a.key, loginFile: join(folder, "none") };
      const maskwright = async (...argv: string[]) => {
        const [out, err] = [sink(), sink()];
        const code = await run(argv, env, { out: out.stream, err: err.stream });
        return { code, out: out.text(), err: err.text() };
      };
      const file = join(folder, "v1.onnx");
      await maskwright("export", project, "1", "--format", "onnx", "-o", file, "--sign");
      const good = await maskwright("verify", file);
      expect(good).toMatchObject({ code: 0, out: expect.stringContaining(`${project}-v1`) });
      const pem = join(folder, "key.pem");
      await writeFile(pem, key);
      expect((await maskwright("verify", file, "--key", pem)).code).toBe(0);
      await writeFile(file, "other bytes");
      expect(await maskwright("verify", file)).toMatchObject({
        code: 1,
        err: expect.stringMatching(/^maskwright: signature_refused: .*other bytes/),
      });
    });
  });
});
