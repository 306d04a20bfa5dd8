import { expect, it } from "vitest";
import { sha256 } from "../../../src/lib/hash.ts";
import { emptyLessons } from "../../../src/training/finder/empty-images.ts";

it("sends images that hold nothing to one side each, whatever others there are", () => {
  const images = Array.from({ length: 400 }, (_, i) => {
    const hash = sha256(`image ${i}`);
    return { id: `img_${i}`, sha256: hash, bytes: 1, width: 8, height: 8, object_key: hash, group: null };
  });
  const { teaching, judging } = emptyLessons(images);
  expect(teaching.length + judging.length).toBe(400);
  // A quarter judges, as of the others.
  expect(judging.length).toBeGreaterThan(70);
  expect(judging.length).toBeLessThan(130);
  const some = emptyLessons(images.slice(0, 50));
  const ids = (lessons: typeof judging): string[] => lessons.map(({ image }) => image.id);
  expect(ids(judging).slice(0, some.judging.length)).toEqual(ids(some.judging));
});
