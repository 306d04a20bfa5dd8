import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ZipFile } from "yazl";
import { findPacked, findSource, type Source } from "../../src/base-models/open.ts";
import { RefusedFile } from "../../src/checkpoint/refused.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors.ts";
import { writeTorch } from "../helpers/torch-files.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "maskwright-open-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const one = (value: number) => ({ shape: [1], data: Float32Array.of(value) });
const tensors = (...names: string[]) => Object.fromEntries(names.map((name, i) => [name, one(i)]));
const safe = (...names: string[]): Uint8Array => encodeSafetensors(tensors(...names));
const onnx = Uint8Array.of(0x08, 0x0a, ...new Uint8Array(30));

/** Writes files below the test's folder and returns that folder. */
async function write(files: Readonly<Record<string, Uint8Array | string>>): Promise<string> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(join(folder, name, ".."), { recursive: true });
    await writeFile(join(folder, name), content);
  }
  return folder;
}

async function zipOf(files: Readonly<Record<string, Uint8Array>>, compress: boolean): Promise<string> {
  const zip = new ZipFile();
  for (const [name, bytes] of Object.entries(files)) zip.addBuffer(Buffer.from(bytes), name, { compress });
  zip.end();
  const path = join(folder, "model.zip");
  await writeFile(path, await buffer(zip.outputStream));
  return path;
}

/** The names of the files that were found, or of the tensors in them; or how it is refused. */
async function found(work: Promise<Source>): Promise<unknown> {
  try {
    const source = await work;
    if (source.kind === "onnx")
      return [...source.graphs, ...(source.weights?.paths ?? [])].map((path) =>
        path.slice(folder.length + 1),
      );
    const file = await source.open();
    const names = [...file.shapes.keys()];
    for (const name of names) await file.read(name);
    await file.close();
    return names;
  } catch (error) {
    if (!(error instanceof RefusedFile)) throw error;
    return `${error.reason}: ${error.message.replaceAll(`${folder}/`, "").replaceAll(folder, "it")}`;
  }
}

describe("a folder", () => {
  test("may hold one model's weights in parts", async () => {
    const parts = {
      "model-00001-of-00002.safetensors": safe("a", "b"),
      "model-00002-of-00002.safetensors": safe("c"),
    };
    expect(
      await found(findSource([await write({ ...parts, "config.json": "{}", "other.bin": "x" })])),
    ).toEqual(["a", "b", "c"]);
    await rm(join(folder, "model-00002-of-00002.safetensors"));
    expect(await found(findSource([folder]))).toBe(
      "truncated: it holds 1 of the 2 parts that model-00001-of-00002.safetensors is one of",
    );
    await write({ "model-00002-of-00002.safetensors": safe("a") });
    expect(await found(findSource([folder]))).toBe("unreadable: two parts hold a tensor a");
  });

  test("may hold one weights file of any name, in a folder of its own", async () => {
    await write({ "run/README.md": "tuned", "run/logs/a.txt": "" });
    await writeTorch(join(folder, "run/best.pth"), tensors("w"));
    expect(await found(findSource([folder]))).toEqual(["w"]);
    await writeTorch(join(folder, "run/last.pth"), tensors("w"));
    expect(await found(findSource([join(folder, "run")]))).toBe(
      "unreadable: run holds 2 models (best.pth, last.pth): name the file that is meant",
    );
  });

  test("may hold ONNX files, whose smaller copies are passed over", async () => {
    const files = { "sam.encoder.onnx": onnx, "sam.decoder.onnx": onnx, "sam.decoder.quant.onnx": onnx };
    expect(await found(findSource([await write(files)]))).toEqual(["sam.decoder.onnx", "sam.encoder.onnx"]);
  });

  test("may hold an image encoder as ONNX beside its decoder's weights", async () => {
    const path = await write({ "encoder.onnx": onnx, "decoder.safetensors": safe("w") });
    expect(await found(findSource([path]))).toEqual(["encoder.onnx", "decoder.safetensors"]);
  });

  test("with an adapter of peft alone says how its weights come into the model's", async () => {
    const path = await write({ "adapter_model.safetensors": safe("w") });
    expect(await found(findSource([path]))).toMatch(/^unreadable: .*merge_and_unload\(\)/);
  });
});

describe("a zip", () => {
  const unpacked = () => join(folder, "unpacked");

  test.each([true, false])("of a folder is read as that (compressed: %s)", async (compress) => {
    const path = await zipOf({ "tuned/model.safetensors": safe("w"), "tuned/README.md": onnx }, compress);
    expect(await found(findPacked([path], unpacked()))).toEqual(["w"]);
    expect(await readdir(unpacked())).toEqual(["tuned"]);
  });

  test("of torch.save is not unpacked", async () => {
    const path = join(folder, "weights.pth");
    await writeTorch(path, tensors("w"));
    expect(await found(findPacked([path], unpacked()))).toEqual(["w"]);
    await expect(readdir(unpacked())).rejects.toThrow("ENOENT");
  });

  test("that would be far larger unpacked is refused before it is", async () => {
    const path = await zipOf({ "model.safetensors": new Uint8Array(80 * 1024 ** 2) }, true);
    expect(await found(findPacked([path], unpacked()))).toMatch(
      /^zip_bomb: the zip's files would have 83886080 bytes/,
    );
    await expect(readdir(unpacked())).rejects.toThrow("ENOENT");
  });

  test("with names that lead out of it is refused", async () => {
    const path = await zipOf({ "aa/model.safetensors": safe("w") }, false);
    const bytes = Buffer.from(await buffer((await import("node:fs")).createReadStream(path)));
    await writeFile(path, Buffer.from(bytes.toString("latin1").replaceAll("aa/model", "../model"), "latin1"));
    expect(await found(findPacked([path], unpacked()))).toMatch(
      /^unreadable: the zip can't be unpacked: .*\.\.\//,
    );
  });
});

test.each([
  ["a pointer of Git LFS", "version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"],
  ["a web page", "<!DOCTYPE html><html><head>", "fetch the file itself"],
  [
    "a file of PyTorch before 1.6 that is cut off",
    "\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M",
    "truncated: the pickle ends in the middle of a value",
  ],
  ["another pickle", "\x80\x04\x95aaaaaaaaaaaaaaaaaaaa", "torch.save(model.state_dict()"],
  ["an HDF5 file", "\x89HDF\r\n\x1a\naaaaaaaaaaaaaa", "an HDF5 file"],
  ["a GGUF file", "GGUFaaaaaaaaaaaaaaaaaaaaa", "a GGUF file"],
  ["a TensorFlow Lite model", "\x1c\0\0\0TFL3aaaaaaaaaaaaaaa", "a TensorFlow Lite model"],
  ["a file packed by gzip", "\x1f\x8b\x08aaaaaaaaaaaaaaaaaaaaaa", "packed by gzip: unpack it"],
  ["a RAR archive", "Rar!\x1a\x07\x01\0aaaaaaaaaaaaaaaaaa", "a RAR archive: unpack it"],
  ["anything else", "what is this, I wonder", "is neither a PyTorch zip, nor safetensors, nor ONNX"],
])("%s is told by its first bytes, with what to do", async (_what, start, told) => {
  await write({ "weights.pth": Buffer.from(start, "latin1") });
  expect(await found(findSource([join(folder, "weights.pth")]))).toContain(told);
});
