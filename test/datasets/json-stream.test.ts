import { describe, expect, it } from "vitest";
import { JsonFault, parseElement } from "../../src/datasets/json-outline.ts";
import { enough, scanJson } from "../../src/datasets/json-stream.ts";
import { seededRandom } from "../../src/lib/random.ts";

async function* inPieces(text: string, size: number): AsyncGenerator<Buffer> {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** What a file gives where `wanted` are its wanted lists. */
async function scan(text: string, size = 7, wanted: readonly string[] = ["a", "b"]) {
  const found: [string | null, unknown][] = [];
  const members: [string, boolean][] = [];
  const top = await scanJson(inPieces(text, size), {
    member: (key, isList) => {
      members.push([key, isList]);
      return wanted.includes(key);
    },
    element: (key, json, k) => {
      expect(k).toBe(found.filter(([list]) => list === key).length);
      found.push([key, parseElement(json)]);
    },
  });
  return { top, members, found };
}

describe("a JSON file, element by element", () => {
  it("gives what JSON.parse gives, however its bytes come", async () => {
    const random = seededRandom(3);
    const scalars = [0, -1.5e-7, 1e21, true, false, null, "", 'é漢😀\n"\\/', "\ud83d", "[{,:}]"];
    const value = (depth: number): unknown => {
      const kind = depth > 3 ? 0 : random.below(3);
      if (kind === 0) return scalars[random.below(scalars.length)];
      const items = Array.from({ length: random.below(4) }, () => value(depth + 1));
      return kind === 1 ? items : Object.fromEntries(items.map((item, i) => [`k"${i}`, item]));
    };
    for (let i = 0; i < 60; i++) {
      const json = {
        x: value(0),
        a: Array.from({ length: random.below(5) }, () => value(1)),
        y: value(0),
        b: Array.from({ length: random.below(5) }, () => value(1)),
      };
      const { top, members, found } = await scan(JSON.stringify(json, null, i % 3), 1 + random.below(40));
      expect(top).toBe("object");
      expect(members).toEqual(Object.entries(json).map(([key, own]) => [key, Array.isArray(own)]));
      expect(found).toEqual([...json.a.map((own) => ["a", own]), ...json.b.map((own) => ["b", own])]);
    }
  });

  it("gives the elements of an outermost list, and passes over a byte order mark", async () => {
    const { top, found } = await scan('\ufeff [1, [2, {}], {"c": []} ] ');
    expect([top, found]).toEqual([
      "array",
      [
        [null, 1],
        [null, [2, {}]],
        [null, { c: [] }],
      ],
    ]);
    expect(await scan("[]")).toMatchObject({ top: "array", found: [] });
    expect((await scan("true")).top).toBe("other");
    expect((await scan("12")).top).toBe("other");
  });

  it.each([
    "",
    "{",
    "[",
    "[1",
    "[1,]",
    "[,1]",
    "[1 2]",
    "]",
    '{"a"}',
    '{"a":}',
    '{"a":[1]',
    '{"a":[1],}',
    '{"a":[1] "b":2}',
    '{"a":[{]}',
    '{"a":[{"x" 1}]}',
    '{"a":[nul]}',
    '{"x":[[}',
    "{'a':1}",
    "[1] [2]",
    '{"a":["\u0001"]}',
  ])("refuses %j", async (text) => {
    await expect(scan(text)).rejects.toThrow(JsonFault);
  });

  it("refuses bytes that are not UTF-8", async () => {
    const chunks = (async function* () {
      yield Buffer.from('{"a":["caf\xe9 "]}', "latin1");
    })();
    const visitor = { member: () => true, element: () => {} };
    await expect(scanJson(chunks, visitor)).rejects.toThrow("is not JSON in UTF-8");
  });

  it("ends where its visitor has seen enough, and throws what the visitor throws", async () => {
    let seen = 0;
    const stopAt = (problem: Error) =>
      scanJson(inPieces("[1,2,3,4,5", 3), {
        member: () => true,
        element: () => {
          if (++seen === 2) throw problem;
        },
      });
    expect(await stopAt(enough)).toBe("array");
    expect(seen).toBe(2);
    seen = 0;
    const own = new RangeError("mine");
    await expect(stopAt(own)).rejects.toBe(own);
  });
});
