import { execFile, spawnSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { sha256 } from "../../src/lib/hash.ts";
import { newSigningKey, publicKeyOf, signModel } from "../../src/lib/model-signature.ts";
import { python } from "./python.ts";
import { temporaryFile } from "./temporary.ts";

const has = spawnSync(python, ["-c", "import model_signing"]).status === 0;

it.skipIf(!has)("model_signing verifies a signature of ours, and none of other bytes", async () => {
  const [file, signature, key] = (await Promise.all(
    ["model.onnx", "model.onnx.sig", "key.pem"].map(temporaryFile),
  )) as [string, string, string];
  const privateKey = newSigningKey();
  await writeFile(file, "weights");
  await writeFile(key, publicKeyOf(privateKey));
  const files = [{ name: ".", sha256: sha256("weights") }];
  await writeFile(signature, JSON.stringify(signModel(privateKey, { name: "prj_1-v1.onnx", files })));
  const verify = () =>
    promisify(execFile)(
      python,
      `-m model_signing verify key ${file} --signature ${signature} --public-key ${key}`.split(" "),
    );
  await verify();
  await writeFile(file, "others");
  await expect(verify()).rejects.toThrow(/mismatch/i);
});

it.skipIf(!has)("and that of a base model's folder, file by file", async () => {
  const [model, signature, key] = (await Promise.all(["tiny", "tiny.sig", "key.pem"].map(temporaryFile))) as [
    string,
    string,
    string,
  ];
  const privateKey = newSigningKey();
  await mkdir(model);
  const contents = { "manifest.json": "{}", "decoder.safetensors": "weights", "encoder.onnx": "graph" };
  for (const [name, content] of Object.entries(contents)) await writeFile(join(model, name), content);
  const files = Object.entries(contents).map(([name, content]) => ({ name, sha256: sha256(content) }));
  await writeFile(key, publicKeyOf(privateKey));
  await writeFile(signature, JSON.stringify(signModel(privateKey, { name: "tiny", files })));
  const verify = () =>
    promisify(execFile)(
      python,
      `-m model_signing verify key ${model} --signature ${signature} --public-key ${key}`.split(" "),
    );
  await verify();
  await writeFile(join(model, "encoder.onnx"), "another");
  await expect(verify()).rejects.toThrow(/mismatch/i);
});
