import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RefusedFile } from "../../../src/checkpoint/refused.ts";
import { openTorch } from "../../../src/checkpoint/torch/read.ts";
import { archiveOf, pickleOf, unicode, writeTorch } from "../../helpers/torch-files.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "maskwright-torch-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function write(bytes: Uint8Array): Promise<string> {
  const path = join(folder, "file.pth");
  await writeFile(path, bytes);
  return path;
}

/** How a file is refused: the reason and the message. */
async function refusal(bytes: Uint8Array): Promise<string> {
  try {
    const file = await openTorch(await write(bytes));
    try {
      for (const name of file.shapes.keys()) await file.read(name);
    } finally {
      await file.close();
    }
    return "read";
  } catch (error) {
    return error instanceof RefusedFile ? `${error.reason}: ${error.message}` : `thrown: ${String(error)}`;
  }
}

/** One float32 tensor `w` as torch.save describes it. */
const tensor = (
  options: { storage?: string; shape?: number[]; strides?: number[]; length?: number } = {},
) => {
  const { storage = "FloatStorage", shape = [2, 3], strides = [3, 1], length = 6 } = options;
  const ints = (values: readonly number[]) => ["(", ...values.flatMap((value) => ["K", value]), "t"];
  return [
    "}",
    unicode("w"),
    "ctorch._utils\n_rebuild_tensor_v2\n",
    "((",
    unicode("storage"),
    `ctorch\n${storage}\n`,
    unicode("0"),
    unicode("cpu"),
    "K",
    length,
    "tQ",
    "K",
    0,
    ...ints(shape),
    ...ints(strides),
    0x89,
    "ccollections\nOrderedDict\n)RtRs",
  ];
};
const sixFloats = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer);

describe("a file of torch.save", () => {
  test("is read as PyTorch wrote it", async () => {
    // torch.save(torch.nn.Linear(2, 3).state_dict()), PyTorch 2.13
    const file = await openTorch(join(import.meta.dirname, "../fixtures/linear.pth"));
    expect([...file.shapes]).toEqual([
      ["weight", [3, 2]],
      ["bias", [3]],
    ]);
    expect(Array.from(await file.read("weight"))).toEqual([
      0.11580032110214233, -0.20344595611095428, -0.5634203553199768, -0.3794252276420593,
      -0.2694688141345978, 0.5619743466377258,
    ]);
    expect(Array.from(await file.read("bias"))).toEqual([
      0.35288771986961365, 0.16527506709098816, 0.3164795935153961,
    ]);
    await file.close();
  });

  test("of our own making comes back", async () => {
    const path = join(folder, "own.pth");
    await writeTorch(path, { "a.b": { shape: [2, 2], data: Float32Array.of(1, -2, 0.5, 3e8) } });
    const file = await openTorch(path);
    expect(Array.from(await file.read("a.b"))).toEqual([1, -2, 0.5, 3e8]);
    await file.close();
  });

  test.each([
    [
      "HalfStorage",
      Uint16Array.of(0x3c00, 0xc000, 0x3555, 0x0001, 0x7bff, 0x8000),
      [1, -2, 0.333251953125, 2 ** -24, 65504, -0],
    ],
    [
      "BFloat16Storage",
      Uint16Array.of(0x3f80, 0xc000, 0x3eab, 0, 0x4049, 0xbf00),
      [1, -2, 0.333984375, 0, 3.140625, -0.5],
    ],
    [
      "DoubleStorage",
      Float64Array.of(1, -2, 1 / 3, 0, 1e300, 7),
      [1, -2, Math.fround(1 / 3), 0, Infinity, 7],
    ],
  ])("may hold %s, read as float32", async (storage, values, expected) => {
    const data = new Uint8Array(values.buffer);
    const file = await openTorch(
      await write(await archiveOf({ "data.pkl": pickleOf(...tensor({ storage })), "data/0": data })),
    );
    expect(Array.from(await file.read("w"))).toEqual(expected);
    await file.close();
  });

  test("may hold a transposed tensor", async () => {
    const pickle = pickleOf(...tensor({ shape: [3, 2], strides: [1, 3] }));
    const file = await openTorch(await write(await archiveOf({ "data.pkl": pickle, "data/0": sixFloats })));
    expect(Array.from(await file.read("w"))).toEqual([1, 4, 2, 5, 3, 6]);
    await file.close();
  });

  test("may keep its state dict beside other things", async () => {
    const pickle = pickleOf("}", unicode("epoch"), "K", 3, "s", unicode("model"), ...tensor(), "s");
    const file = await openTorch(await write(await archiveOf({ "data.pkl": pickle, "data/0": sixFloats })));
    expect([...file.shapes.keys()]).toEqual(["model.w"]);
    await file.close();
  });

  test("may be a whole training checkpoint, whatever lies beside the weights", async () => {
    // peers/reference/training_checkpoint.py, PyTorch 2.13
    const file = await openTorch(join(import.meta.dirname, "../fixtures/training-checkpoint.pth"));
    expect(Object.fromEntries(file.shapes)).toEqual({
      "model.module._orig_mod.mask_decoder.iou_token.weight": [1, 4],
      "model.module._orig_mod.mask_decoder.mask_tokens.weight": [2, 2],
      loss: [],
      "scaler.scale": [],
    });
    const name = "model.module._orig_mod.mask_decoder";
    expect(Array.from(await file.read(`${name}.iou_token.weight`))).toEqual([0, 1, 2, 3]);
    expect(Array.from(await file.read(`${name}.mask_tokens.weight`))).toEqual([1, -2, 0.5, 4]);
    await file.close();
  });
});

describe("a pickle", () => {
  const opened = async (...parts: readonly (string | number)[]) =>
    refusal(await archiveOf({ "data.pkl": pickleOf(...parts), "data/0": sixFloats }));

  test.each(["posix\nsystem", "builtins\neval", "__builtin__\nexec", "subprocess\nPopen", "torch\nload"])(
    "that asks for %j is refused by that name",
    async (name) => {
      const global = name.replace("\n", ".");
      const message = `foreign_global: the pickle asks for "${global}", which no model needs and which could harm whoever loads the file with torch.load; nothing of it was run`;
      expect(await opened(`c${name}\n`, unicode("touch /tmp/x"), 0x85, "R")).toBe(message);
      const [module = "", attribute = ""] = name.split("\n");
      expect(await opened(unicode(module), unicode(attribute), 0x93)).toBe(message);
    },
  );

  test.each([
    ["INST", "i", "0x69"],
    ["OBJ", "o", "0x6f"],
    ["EXT1", 0x82, "0x82"],
  ])("with %s, which could make any object, is refused", async (_name, code, shown) => {
    expect(await opened(code)).toBe(`unreadable: the pickle has opcode ${shown}, which no checkpoint needs`);
  });

  test.each([
    ["a call", ["cmodels\nSam\n)R"]],
    ["NEWOBJ", ["cmodels\nSam\n)", 0x81, "}b"]],
    ["a call of what a call gave", ["cbuiltins\ngetattr\n", unicode("os"), unicode("system"), 0x86, "R)R"]],
  ])("whose model is made by %s is refused, as nothing of it is run", async (_what, object) => {
    const found = await opened("}", unicode("model"), ...object, "s");
    expect(found).toMatch(
      /^foreign_global: .* whole Python object of (models\.Sam|builtins\.getattr) as model/,
    );
    expect(found).toContain("torch.save(model.state_dict()");
  });

  test("that holds itself is read once", async () => {
    expect(await opened("}q", 0, unicode("self"), "h", 0, "s", unicode("model"), ...tensor(), "s")).toBe(
      "read",
    );
  });

  test.each([
    ["nothing to take", ["s"], "unreadable: the pickle takes a value where there is none"],
    ["no list to close", ["t"], "unreadable: the pickle closes a list that it never opened"],
    ["an entry that it never stored", ["h", 7], "unreadable: the pickle refers to entry 7"],
    [
      "a call of a storage type",
      ["ctorch\nFloatStorage\n)R"],
      "unreadable: the pickle calls torch.FloatStorage",
    ],
    ["no tensors", ["}"], "unreadable: the file holds no state dict"],
    ["a list for a dict", ["]"], "unreadable: the file holds no state dict"],
    ["text cut short", ["X", 255, "\0\0\0ab"], "truncated: the pickle ends in the middle of a value"],
  ])("with %s is refused", async (_what, parts, message) => {
    expect(await opened(...parts)).toContain(message);
  });
});

describe("an archive", () => {
  const pickle = pickleOf(...tensor());

  test("that is compressed is refused as a zip bomb", async () => {
    const bomb = await archiveOf(
      { "data.pkl": pickle, "data/0": new Uint8Array(1 << 20) },
      { compress: true },
    );
    expect(await refusal(bomb)).toMatch(/^zip_bomb: the entry .* is compressed/);
  });

  test("whose entries claim more than the file has is refused as a zip bomb", async () => {
    const whole = await archiveOf({ "data.pkl": pickle, "data/0": sixFloats });
    // The directory's sizes of data/0: 20 and 24 bytes behind its signature
    const at = whole.lastIndexOf(Buffer.from("PK\u0001\u0002", "latin1"));
    whole.writeUInt32LE(1 << 30, at + 20);
    whole.writeUInt32LE(1 << 30, at + 24);
    expect(await refusal(whole)).toMatch(/^zip_bomb: the zip's entries claim more bytes/);
  });

  test("cut off anywhere is refused", async () => {
    const whole = await readFile(join(import.meta.dirname, "../fixtures/linear.pth"));
    for (const length of [10, 400, 700, whole.length - 1])
      expect(await refusal(whole.subarray(0, length)), `${length} bytes`).toMatch(/^truncated: /);
  });

  test.each([
    ["lacks its pickle", { "data/0": sixFloats }, "unreadable: the zip is not one of torch.save"],
    ["lacks a tensor's values", { "data.pkl": pickle }, "truncated: the zip lacks data/0, the values of w"],
    [
      "holds too few values",
      { "data.pkl": pickle, "data/0": sixFloats.subarray(4) },
      "has 20 bytes where 24 are due",
    ],
    [
      "is big-endian",
      { "data.pkl": pickle, "data/0": sixFloats, byteorder: "big" },
      "unreadable: the values are big-endian",
    ],
    [
      "describes a tensor beyond its values",
      { "data.pkl": pickleOf(...tensor({ shape: [200, 200], strides: [0, 0] })), "data/0": sixFloats },
      "unreadable: w reaches beyond its storage of 6 values",
    ],
  ])("that %s is refused", async (_what, entries, message) => {
    expect(await refusal(await archiveOf(entries as Record<string, Uint8Array | string>))).toContain(message);
  });
});

test.each([
  [
    "a TorchScript archive",
    { "code/__torch__.py": "def f(): pass", "constants.pkl": "x", "data.pkl": "x" },
    "torch.jit.load(",
  ],
  ["a program of torch.export", { archive_format: "pt2", "models/model.json": "{}" }, "torch.export.load("],
  ["NumPy's arrays", { "w.npy": "x" }, "safetensors.numpy.save_file("],
  ["a model of Keras", { "metadata.json": "{}", "model.weights.h5": "x" }, "a model of Keras"],
])("%s is told, compressed or not, with what to do", async (_what, entries, told) => {
  for (const compress of [true, false]) {
    const found = await refusal(await archiveOf(entries, { compress }));
    expect(found).toMatch(/^unreadable: the file is /);
    expect(found).toContain(told);
  }
});
