import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RefusedFile } from "../../../src/checkpoint/refused.ts";
import { legacyStart } from "../../../src/checkpoint/torch/legacy.ts";
import { openTorch } from "../../../src/checkpoint/torch/read.ts";
import { pickleOf, unicode } from "../../helpers/torch-files.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "maskwright-legacy-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const fixture = (name: string): string => join(import.meta.dirname, "../fixtures", name);

async function refusal(bytes: Uint8Array): Promise<string> {
  const path = join(folder, "file.pth");
  await writeFile(path, bytes);
  try {
    const file = await openTorch(path);
    await file.close();
    return "read";
  } catch (error) {
    return error instanceof RefusedFile ? `${error.reason}: ${error.message}` : `thrown: ${String(error)}`;
  }
}

const machine = ["}(", unicode("little_endian"), 0x88, "u"];
/** A file of three pickles behind the magic number, and what follows. */
const legacy = (
  root: readonly (string | number)[],
  {
    version = 1001,
    host = machine,
    keys = ["]"],
    rest = new Uint8Array(),
  }: {
    version?: number;
    host?: readonly (string | number)[];
    keys?: readonly (string | number)[];
    rest?: Uint8Array;
  } = {},
): Buffer =>
  Buffer.concat([
    Buffer.from(legacyStart, "latin1"),
    pickleOf("M", version & 255, version >> 8),
    pickleOf(...host),
    pickleOf(...root),
    pickleOf(...keys),
    rest,
  ]);
const floats = (storage: string): (string | number)[] => [
  "}",
  unicode("w"),
  "ctorch._utils\n_rebuild_tensor_v2\n",
  "((",
  unicode("storage"),
  `ctorch\n${storage}\n`,
  unicode("7"),
  unicode("cpu"),
  "K",
  2,
  "NtQ",
  "K",
  0,
  "K",
  2,
  0x85,
  "K",
  1,
  0x85,
  0x89,
  "ccollections\nOrderedDict\n)RtRs",
];
const keys = ["]", unicode("7"), "a"];
const stored = (count: number, ...values: number[]): Uint8Array =>
  Buffer.concat([
    new Uint8Array(BigInt64Array.of(BigInt(count)).buffer),
    new Uint8Array(Float32Array.from(values).buffer),
  ]);

describe("a file of torch.save as it was before PyTorch 1.6", () => {
  it("is read as that of later ones, bit for bit", async () => {
    // torch.save({epoch, steps, model, turned, ema}, _use_new_zipfile_serialization=False) of linear.pth's weights, PyTorch 2.13
    const [file, later] = await Promise.all([
      openTorch(fixture("before-1.6.pth")),
      openTorch(fixture("linear.pth")),
    ]);
    expect([...file.shapes]).toEqual([
      ["model.weight", [3, 2]],
      ["model.bias", [3]],
      ["turned", [2, 3]],
      ["ema.weight", [3, 2]],
      ["ema.bias", [3]],
    ]);
    expect([...file.unread]).toEqual([["steps", "torch.LongStorage"]]);
    const weight = await later.read("weight");
    expect(await file.read("model.weight")).toEqual(weight);
    expect(await file.read("model.bias")).toEqual(await later.read("bias"));
    expect(Array.from(await file.read("turned"))).toEqual([0, 2, 4, 1, 3, 5].map((at) => weight[at]));
    const half = await file.read("ema.weight");
    for (const [i, value] of half.entries()) expect(value).toBeCloseTo(weight[i] as number, 3);
    await file.close();
    await later.close();
  });

  it("that is cut off anywhere is refused", async () => {
    const bytes = await readFile(fixture("before-1.6.pth"));
    for (const end of [40, 300, bytes.length - 100, bytes.length - 1])
      expect(await refusal(bytes.subarray(0, end))).toMatch(/^truncated: /);
  });

  it.each<[string, Buffer, string]>([
    ["two floats", legacy(floats("FloatStorage"), { keys, rest: stored(2, 1, 2) }), "read"],
    [
      "another length",
      legacy(floats("FloatStorage"), { keys, rest: stored(3, 1, 2, 3) }),
      "unreadable: the storage 7 has 3 values",
    ],
    ["a storage of no tensor", legacy(["}"], { keys }), "unreadable: the pickle lists a storage"],
    [
      "values that are not there",
      legacy(floats("FloatStorage"), { keys, rest: stored(2, 1) }),
      "truncated: the file ends inside",
    ],
    [
      "values of an unknown type",
      legacy(floats("QInt4Storage"), { keys }),
      "unreadable: the file holds values of torch.QInt4Storage",
    ],
    ["another version", legacy(["}"], { version: 1000 }), "unreadable: the file is of version 1000"],
    ["a big-endian machine", legacy(["}"], { host: ["}"] }), "unreadable: the values are big-endian"],
    ["no keys", legacy(["}"], { keys: ["N"] }), "unreadable: the pickle lists no storages"],
    [
      "a whole module, with its source",
      legacy([
        "(",
        unicode("module"),
        "cnets\nSam\n",
        unicode("nets.py"),
        unicode("import os"),
        "tQ",
        ")",
        0x81,
        "}b",
      ]),
      "foreign_global: the file holds no weights by their names, but a whole Python object of nets.Sam",
    ],
    [
      "what could harm",
      legacy(["cposix\nsystem\n(", unicode("id"), "tR"]),
      'foreign_global: the pickle asks for "posix.system"',
    ],
  ])("with %s is told so", async (_what, bytes, told) => {
    expect((await refusal(bytes)).slice(0, told.length)).toBe(told);
  });
});
