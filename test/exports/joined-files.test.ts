import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { expect, test } from "vitest";
import { JoinedFiles } from "../../src/exports/spool.ts";

/** Files that are begun and made when the test says so. */
function gated() {
  const files = new JoinedFiles<{ number: number }>();
  const paths: string[] = [];
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const ask = (key: string): Promise<{ number: number; content: Readable }> =>
    files.get(key, async (path, begin) => {
      const number = paths.push(path);
      await begun.promise;
      begin();
      await go.promise;
      await writeFile(path, `file ${number}`);
      return { number };
    });
  return { ask, paths, begun, go };
}

test("who asks before a file is begun shares it, who asks later or for another has one made", async () => {
  const { ask, paths, begun, go } = gated();
  const before = [ask("a"), ask("a"), ask("b")];
  await expect.poll(() => paths.length).toBe(2);
  begun.resolve();
  await new Promise(setImmediate);
  const later = ask("a");
  go.resolve();
  const made = await Promise.all([...before, later]);
  const [first, second, other, last] = await Promise.all(
    made.map(async ({ content }) => (await buffer(content)).toString()),
  );
  expect(second).toBe(first);
  expect(new Set([first, other, last]).size).toBe(3);
});

test("a shared file goes with its last reader, and a failure goes to all who wait, and to no one later", async () => {
  const { ask, paths, begun, go } = gated();
  begun.resolve();
  go.resolve();
  const [one, two] = await Promise.all([ask("a"), ask("a")]);
  const closed = (content: Readable) => new Promise((resolve) => void content.once("close", resolve));
  const firstClosed = closed(one.content);
  one.content.destroy();
  await firstClosed;
  expect(existsSync(paths[0] as string)).toBe(true);
  two.content.destroy();
  await expect.poll(() => existsSync(paths[0] as string)).toBe(false);

  const files = new JoinedFiles<object>();
  const fail = (): Promise<object> => Promise.reject(new Error("no rows"));
  const waiting = await Promise.allSettled([files.get("a", fail), files.get("a", fail)]);
  expect(waiting.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  const again = await files.get("a", async (path) => {
    await writeFile(path, "fine");
    return {};
  });
  expect((await buffer(again.content)).toString()).toBe("fine");
});
