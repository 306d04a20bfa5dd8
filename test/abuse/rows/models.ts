import { seededRandom } from "../../../src/lib/random.ts";
import type { Row } from "../types.ts";
import { type Entries, listBy, listOf, MB, zipOf } from "./make.ts";

/** A file that is offered as a version, to a project of its own. */
const version = (name: string, file: () => Buffer | Promise<Buffer>): Row => ({
  kind: "model",
  name: `\`versions\`, ${name}`,
  make: async (world) => {
    const body = await file();
    return (place) => ({
      path: `/v1/projects/${world.project(place)}/versions`,
      type: "application/octet-stream",
      body,
    });
  },
});

/** A zip as torch.save makes it, around a pickle of protocol 2. */
const torch = (pickle: Buffer, more: Entries = []): Promise<Buffer> => {
  const whole = Buffer.concat([Buffer.of(0x80, 2), pickle, Buffer.of(0x2e)]);
  return zipOf([["archive/data.pkl", whole], ["archive/version", Buffer.from("3\n")], ...more], false);
};

/** A pickle of one list of so many items, each of these bytes. */
const pickledList = (count: number, item: Buffer): Promise<Buffer> =>
  torch(Buffer.concat([Buffer.from("("), Buffer.alloc(count * item.length, item), Buffer.from("l")]));

const textItem = (text: string): Buffer => {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([Buffer.from("X"), length, Buffer.from(text)]);
};

/** A dict of so many names and whole numbers. */
const pickledDict = (count: number): Promise<Buffer> => {
  const items = Array.from({ length: count }, (_, i) =>
    Buffer.concat([textItem(`n${i}`), Buffer.from("K\x01")]),
  );
  return torch(Buffer.concat([Buffer.from("}("), ...items, Buffer.from("u")]));
};

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return Buffer.from([...bytes, rest]);
}

/** A message inside a message: field number, length, content. */
const field = (number: number, content: Buffer): Buffer =>
  Buffer.concat([varint(number * 8 + 2), varint(content.length), content]);

/** An ONNX file whose graph is one field over and over. */
const onnx = (bytes: number, item: Buffer): Buffer =>
  Buffer.concat([
    Buffer.of(0x08, 8),
    field(7, Buffer.alloc(Math.floor(bytes / item.length) * item.length, item)),
  ]);

const emptyNode = Buffer.of(0x0a, 0);
const text = (value: string): Buffer => Buffer.from(value);

/** A safetensors file: its header's length, the header, the values. */
function safetensors(header: Buffer, values: Buffer = Buffer.alloc(0)): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, values]);
}

const names = (count: number): Buffer =>
  safetensors(listBy(count, (i) => `"n${i}":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`, "{", "}"));

/** Numbered, empty, below one folder. */
const manyEntries = (count: number): Promise<Buffer> =>
  zipOf(
    Array.from({ length: count }, (_, i) => [`archive/data/${i}`, Buffer.alloc(0)] as const),
    false,
  );

const noise = (bytes: number): Buffer => {
  const random = seededRandom(3);
  const block = Buffer.from(Array.from({ length: 65_521 }, () => random.below(256)));
  return Buffer.alloc(bytes, block);
};

export const models: readonly Row[] = [
  version("a pickle of 8 MB of empty dicts", () => pickledList(8 * MB, text("}"))),
  version("a pickle of 32 MB of empty dicts", () => pickledList(32 * MB, text("}"))),
  version("an ONNX of 25 MB of empty nodes", () => onnx(25 * MB, emptyNode)),
  version("an ONNX of 100 MB of empty nodes", () => onnx(100 * MB, emptyNode)),
  version("safetensors with 400,000 names", () => names(400_000)),
  version("safetensors with 1,600,000 names", () => names(1_600_000)),
  version("a pickle of 30 MB of empty lists", () => pickledList(30 * MB, text("]"))),
  version("a pickle of tuples in one another, 8,000,000 deep", () =>
    torch(Buffer.concat([text("N"), Buffer.alloc(8 * MB, 0x85)])),
  ),
  version("a pickle of 8,000,000 memoized texts", () =>
    pickledList(8 * MB, Buffer.concat([Buffer.of(0x8c, 1), text("a"), Buffer.of(0x94)])),
  ),
  version("a pickle of 4,000,000 texts", () => pickledList(4 * MB, textItem("abc"))),
  version("a pickle of one text of 30 MB", () => torch(textItem("a".repeat(30 * MB)))),
  version("a pickle of a dict of 1,000,000 names", () => pickledDict(1_000_000)),
  version("a pickle of 30 MB of marks", () => torch(Buffer.alloc(30 * MB, "("))),
  version("a pickle of 6,000,000 numbers", () => pickledList(6 * MB, Buffer.from("J\x01\x02\x03\x04"))),
  version("a pickle of 300 MB", () => torch(Buffer.alloc(300 * MB, "N"))),
  version("a torch zip of 90,000 entries", () => manyEntries(90_000)),
  version("a torch zip of 120,000 entries", () => manyEntries(120_000)),
  version("an ONNX of 30 MB of empty weights", () => onnx(30 * MB, Buffer.of(0x2a, 0))),
  version("an ONNX of 30 MB of empty inputs", () => onnx(30 * MB, Buffer.of(0x5a, 0))),
  version("an ONNX of 1,000,000 nodes with names", () =>
    onnx(30 * MB, field(1, Buffer.concat([field(1, text("x")), field(2, text("y")), field(4, text("Add"))]))),
  ),
  version("an ONNX of a node with 10,000,000 inputs", () =>
    onnx(30 * MB, field(1, Buffer.alloc(30 * MB - 12, field(1, text("x"))))),
  ),
  version("an ONNX of 30 MB of a weight's numbers, one by one", () =>
    onnx(30 * MB, field(5, Buffer.alloc(30 * MB - 12, Buffer.of(0x20, 1)))),
  ),
  version("an ONNX of 400 MB of noise", () => Buffer.concat([Buffer.of(0x08, 8), field(7, noise(400 * MB))])),
  version("safetensors with a shape of 10,000,000 sides", () =>
    safetensors(
      listOf(20 * MB, "1", '{"a":{"dtype":"F32","data_offsets":[0,4],"shape":[', "]}}"),
      Buffer.alloc(4),
    ),
  ),
  version("safetensors with 90 MB of metadata", () =>
    safetensors(listBy(4 * MB, (i) => `"k${i}":"abcdefgh"`, '{"__metadata__":{', "}}")),
  ),
  version("safetensors whose header is 30 MB of lists in one another", () =>
    safetensors(Buffer.from(`{"a":${"[".repeat(15 * MB)}${"]".repeat(15 * MB)}}`)),
  ),
  version("safetensors with one name 2,000,000 times", () =>
    safetensors(listOf(100 * MB, '"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}', "{", "}")),
  ),
  version("safetensors with a name of 50 MB", () =>
    safetensors(Buffer.from(`{"${"a".repeat(50 * MB)}":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`)),
  ),
  version("a zip of a Hugging Face folder of 400,000 names", async () =>
    zipOf([
      ["sam/config.json", text("{}")],
      ["sam/model.safetensors", names(400_000)],
    ]),
  ),
  version("a zip of 500 MB of zeros in 500 kB", () => zipOf([["archive/data.pkl", Buffer.alloc(500 * MB)]])),
  version("500 MB of noise", () => noise(500 * MB)),
];
