import { z } from "zod";
import { describe, expect, it } from "vitest";
import { parseJson } from "../../src/lib/json-parse.ts";
import { createJsonReader } from "../../src/lib/json-reader.ts";
import { maxValues, scanJson } from "../../src/lib/json-scan.ts";
import { passOver, shapeOf } from "../../src/lib/json-shape.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { errorOf } from "../helpers/codes.ts";

const schema = z.strictObject({
  name: z.string().max(10).optional(),
  kind: z.enum(["a", "bc"]).or(z.literal(3)).optional(),
  flag: z.boolean().nullable().optional(),
  count: z.int().min(0).max(5).default(1),
  at: z.iso.datetime().optional(),
  rings: z.array(z.array(z.number()).max(60_000)).max(4).optional(),
  unit: z
    .array(z.tuple([z.number().min(0).max(1), z.number().min(0).max(1)]))
    .max(50)
    .optional(),
  mask: z
    .discriminatedUnion("format", [
      z.strictObject({ format: z.literal("rle"), counts: z.string().max(1e6) }),
      z.strictObject({ format: z.literal("box"), box: z.array(z.number()).length(4) }),
    ])
    .optional(),
  labels: z.record(z.string(), z.string().max(5)).optional(),
  open: z.unknown().optional(),
});
const shape = shapeOf(schema);
const scan = (text: string) => errorOf(() => scanJson(Buffer.from(text), shape));
const list = (item: string, n: number) => `[${Array.from({ length: n }, () => item).join(",")}]`;

describe("bounds of JSON, read from its schema", () => {
  it.each([
    ["a text", z.object({ a: z.string() }), "body.a: a text without a bound"],
    ["an array", z.object({ a: z.array(z.number()) }), "body.a: an array without a bound"],
    ["what is not known", z.object({ a: z.date() }), "body.a: the bounds of a date are not known"],
  ])("must be there: %s", (_, unbounded, message) => {
    expect(() => shapeOf(unbounded, "body")).toThrow(message);
  });

  it.each([
    ["an array too long", `{"rings":[[1],[1],[1],[1],[1]]}`, "rings: more than 4 items."],
    ["one inside", `{"rings":[[],${list("0", 60_001)}]}`, "rings[1]: more than 60000 items."],
    ["a text too long", `{"name":"${"x".repeat(61)}"}`, "name: longer than 10 characters."],
    ["a key too long", `{"${"x".repeat(1001)}":1}`, "The body: a key of 1001 bytes."],
    ["a number too long", `{"count":${"1".repeat(1001)}}`, "count: a number of 1001 digits."],
    ["too deep", `{"open":${"[".repeat(40)}`, `open${"[0]".repeat(31)}: deeper than 32 levels.`],
    [
      "its first fault, with how many",
      `{"unit":[[0,0],${list("[2,0]", 21).slice(1)}}`,
      "unit[1][0]: 2 is not what is taken here; and so on, in 21 places or more.",
    ],
    [
      "texts for numbers",
      `{"rings":[${list('""', 21)}]}`,
      "rings[0][0]: expected a number, found a text; and so on, in 21 places or more.",
    ],
    [
      "numbers beyond all",
      `{"rings":[${list("1e999", 21)}]}`,
      "rings[0][0]: Infinity is not what is taken here; and so on, in 21 places or more.",
    ],
    [
      "tuples too short",
      `{"unit":${list("[0]", 21)}}`,
      "unit[0]: 1 items; 2 are the least; and so on, in 21 places or more.",
    ],
    [
      "keys that nobody knows",
      `{${Array.from({ length: 21 }, (_, i) => `"k${i}":1`).join()}}`,
      "k0: this key is not known; and so on, in 21 places or more.",
    ],
  ])("are held: %s", async (_, text, message) => {
    expect(await scan(text)).toMatchObject({ code: "invalid_request", message });
  });

  it("count values and spaces, whatever stands where nothing is known", async () => {
    expect(await scan(`{"x":${list("{}", maxValues)}}`)).toMatchObject({ code: "body_too_large" });
    expect(await scan(`{"x":${" ".repeat(2 ** 21 + 1)}1}`)).toMatchObject({ code: "body_too_large" });
  });

  it("pass over what other programs send along, whatever it is, and count its numbers and bytes for little", async () => {
    const foreign = passOver(z.unknown());
    const loose = shapeOf(
      z
        .object({
          rle: z.array(z.int().min(0).max(255)).max(2e6).optional(),
          own: z.record(z.string(), foreign),
        })
        .catchall(foreign),
    );
    const held = (text: string) => errorOf(() => scanJson(Buffer.from(text), loose));
    const long = `"${"x".repeat(100_000)}"`;
    for (const numbers of [list("7", maxValues + 1), list("7", 15 * maxValues)])
      expect(await held(`{"rle":${numbers},"x":[{"y":${long}}],"own":{"z":${long}}}`)).toBeNull();
    expect(await held(`{"x":${list("7", 15 * maxValues)}}`)).toBeNull();
    expect(await held(`{"x":${list("7", 16 * maxValues)}}`)).toMatchObject({ code: "body_too_large" });
    expect(await held(`{"x":${list("[]", maxValues)}}`)).toMatchObject({ code: "body_too_large" });
    expect(await held(`{"rle":${list("256", 21)}}`)).toMatchObject({ param: "rle[0]" });
    expect(await held(`{"x":${"[".repeat(40)}`)).toMatchObject({ code: "invalid_request" });
  });

  it("leave up to 20 faults to the schema, and what is no JSON to the parser", async () => {
    expect(await scan(`{"rings":[${list('""', 20)}]}`)).toBeNull();
    for (const text of ["", "{", "[", `{"name":"`, "nul", "{]", `{"a" 1}`, "NaN", "}}}", `{"x":"\\`]) {
      expect(await scan(text), text).toBeNull();
      expect(await errorOf(() => parseJson(Buffer.from(text), shape)), text).toMatchObject({
        code: "invalid_json",
      });
    }
  });

  it("see through escapes, in texts and in keys", async () => {
    expect(await scan(String.raw`{"mask":{"format":"rle","counts":"a\\\"]]]]\\"},"name":"\""}`)).toBeNull();
    expect(await scan(String.raw`{"\u0072ings":[[],[],[],[],[]]}`)).toMatchObject({ param: "rings" });
    const sparse = `{"mask":{"format":"rle","counts":"${`\\\\${"A".repeat(300)}`.repeat(2000)}"},"rings":[1,1]}`;
    expect(await scan(sparse)).toBeNull();
    expect(await scan(sparse.replace("[1,1]", "[1,1,1,1,1]"))).toMatchObject({ param: "rings" });
  });

  it("never refuse what the schema takes", async () => {
    const random = seededRandom(5);
    const pick = <T>(...values: T[]): T => values[random.below(values.length)] as T;
    const maybe = <T>(value: T): T | undefined => (random.below(3) === 0 ? undefined : value);
    for (let i = 0; i < 300; i++) {
      const value = {
        name: maybe(pick("", '"\\\n', "äöü€", "[{,:}]")),
        kind: maybe(pick<unknown>("a", "bc", 3)),
        flag: maybe(pick<unknown>(true, false, null)),
        count: maybe(random.below(6)),
        at: maybe("2026-01-31T12:00:00Z"),
        rings: maybe(Array.from({ length: random.below(5) }, () => [random.normal(), -1e-9, 1e20])),
        unit: maybe([[random.next(), random.next()]]),
        mask: maybe(pick<unknown>({ format: "rle", counts: '\\"' }, { format: "box", box: [1, 2, 3, 4] })),
        labels: maybe({ x: "y", "": "z" }),
        open: maybe([{ a: [1, "x", null] }]),
      };
      expect(schema.safeParse(JSON.parse(JSON.stringify(value))).error).toBeUndefined();
      for (const text of [
        JSON.stringify(value),
        JSON.stringify(value, null, 2),
        `\uFEFF${JSON.stringify(value)}`,
      ])
        expect(parseJson(Buffer.from(text), shape)).toEqual(JSON.parse(text.replace("\uFEFF", "")));
    }
  });
});

describe("a reader of JSON", () => {
  it("reads long texts without escapes to the same values, wherever they stand", async () => {
    const reader = createJsonReader();
    try {
      const text = z.string().max(1e6);
      const texts = shapeOf(
        z.strictObject({ a: z.array(text).max(9), b: z.record(text, z.array(text).max(9)) }),
      );
      const read = (json: string) => reader.read(Buffer.from(json), texts);
      const long = "QUJD".repeat(100_000);
      const value = { a: [long, "ä", `${long}=`], b: { "": ["b", long], ä: [`${long}\n`] } };
      const json = JSON.stringify(value);
      for (const one of [json, `\uFEFF${json}`]) expect(await read(one)).toEqual(value);
      const controlled = json.replace("QUJD", "QU\nJD");
      expect(await errorOf(() => read(controlled))).toMatchObject({ code: "invalid_json" });
    } finally {
      await reader.close();
    }
  });

  it("reads large bodies in a thread of its own, to the same values and errors", async () => {
    const reader = createJsonReader();
    try {
      const large = { mask: { format: "rle", counts: 'ä"\\'.repeat(100_000) } };
      const read = (text: string) => reader.read(Buffer.from(text), shape);
      expect(await read(JSON.stringify(large))).toEqual(large);
      expect(await read(`{"count":2}`)).toEqual({ count: 2 });
      const failure = await errorOf(() => read(`{"rings":[${list('"abc"', 100_000)}]}`));
      expect(failure).toMatchObject({ code: "invalid_request", param: "rings[0][0]" });
      const noJson = await errorOf(() => read(`{"mask":"${"x".repeat(200_000)}`));
      expect(noJson).toMatchObject({ code: "invalid_json" });
    } finally {
      await reader.close();
    }
  });
});
