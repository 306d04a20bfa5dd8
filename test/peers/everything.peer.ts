import { expect, it } from "vitest";
import { type EverythingReference, makeReference } from "../../scripts/reference/everything.ts";
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
