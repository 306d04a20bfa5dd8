import { expect, it } from "vitest";
import { Flushes } from "../../src/storage/flushes.ts";

it("shares a flush among those that came before it began, and no other", async () => {
  const begun: { folder: string; end: (error?: Error) => void }[] = [];
  const flushes = new Flushes(
    (folder) =>
      new Promise((resolve, reject) =>
        begun.push({ folder, end: (error) => (error ? reject(error) : resolve()) }),
      ),
  );
  const ended: string[] = [];
  const flush = (name: string, folder = "a"): Promise<void> =>
    flushes.folder(folder).then(
      () => void ended.push(name),
      () => void ended.push(`${name} failed`),
    );
  const first = [flush("1"), flush("2"), flush("other", "b")];
  await Promise.resolve();
  expect(begun.map(({ folder }) => folder)).toEqual(["a", "b"]);
  const late = [flush("3"), flush("4")];
  await Promise.resolve();
  expect(begun).toHaveLength(2);
  for (const { end } of begun) end(new Error("the disk is full"));
  await Promise.all(first);
  expect(ended.toSorted()).toEqual(["1 failed", "2 failed", "other failed"]);
  begun[2]?.end();
  await Promise.all(late);
  expect(ended.slice(3)).toEqual(["3", "4"]);
  expect(begun).toHaveLength(3);
});
