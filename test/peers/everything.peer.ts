import { spawn } from "node:child_process";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, it } from "vitest";
import { type EverythingReference, makeReference } from "../worlds/everything-reference.ts";
import { committed, hasMeta, python } from "./python.ts";

it.skipIf(!hasMeta)("Meta's generator finds in the drawn scene what is committed", async () => {
  const wanted = (await committed("test/parity/reference/everything.json")) as EverythingReference;
  const made = await makeReference({ python, meta: undefined });
  expect(made.cases).toHaveLength(wanted.cases.length);
  for (const [i, { settings, masks }] of made.cases.entries()) {
    const theirs = wanted.cases[i];
    expect(settings).toEqual(theirs?.settings);
    // Another torch version may round a pixel at an edge to the other side.
    const facts = (one: (typeof masks)[number]) => [one.point, one.crop, Math.round(one.area / 20)];
    expect(masks.map(facts)).toEqual(theirs?.masks.map(facts));
  }
});

it("ends with whoever started it, before it has loaded anything", async () => {
  const script = join(import.meta.dirname, "../../peers/everything.py");
  const child = spawn(python, [script, "no-encoder", "no-weights", "1"]);
  const [printed, complaint] = [text(child.stdout), text(child.stderr)];
  const status = new Promise((resolve) => child.once("exit", resolve));
  child.stdin.end();
  // Without that it would load its libraries and complain that there is no such file.
  expect({ status: await status, printed: await printed, complaint: await complaint }).toEqual({
    status: 0,
    printed: "",
    complaint: "",
  });
});
