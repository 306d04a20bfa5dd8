import { expect, it } from "vitest";
import { plainFocus } from "../../../src/domain/focus.ts";
import { asJudged } from "../../../src/db/queries/versions.ts";
import type { PreparedData } from "../../../src/training/data/prepare.ts";
import { samplesOf } from "../../../src/training/data/samples.ts";
import { everythingOf } from "../../../src/training/refit/everything.ts";
import { manyRows, snapshotOf } from "../fixtures.ts";

const snapshot = snapshotOf(manyRows(5));
const samples = samplesOf(snapshot, snapshot.images);
/** The last image stands in no set. */
const data = {
  frozen: { snapshot },
  train: samples.slice(0, 2),
  selection: samples.slice(2, 3),
  heldOut: samples.slice(3, 4),
} as unknown as PreparedData;
const ids = (some: readonly { annotation: { id: string } }[]) => some.map(({ annotation }) => annotation.id);

it("is every annotated image, whatever its set was, as the same samples", () => {
  const { train, nearby } = everythingOf(data, { thinned: false });
  expect(ids(train)).toEqual(ids(samples));
  expect(nearby).toEqual(train);
  expect(train.slice(0, 4)).toEqual(samples.slice(0, 4));
  expect(train[3]).toBe(samples[3]);
});

it("is what is encoded where a closer look sees some of the data, and all else lies nearby", () => {
  const { train, nearby } = everythingOf(data, { thinned: true });
  expect(ids(train)).toEqual(ids(samples.slice(0, 4)));
  expect(ids(nearby)).toEqual(ids(samples));
});

it("leaves what is held out to the twin", () => {
  const twin = { weightsKey: "twin", weightsSha256: "b", weightsBytes: 1, focus: plainFocus };
  const served = {
    number: 3,
    weightsKey: "served",
    weightsSha256: "a",
    focus: { zoom: null, refine: { radius: 4, epsilon: 1e-3, threshold: 0.5 } },
  };
  const refit = { images: 4, annotations: 4, samples: 8, twin };
  expect(asJudged({ ...served, refit })).toMatchObject({
    number: 3,
    weightsKey: "twin",
    weightsSha256: "b",
    focus: plainFocus,
  });
  expect(asJudged({ ...served, refit: null })).toEqual({ ...served, refit: null });
});
