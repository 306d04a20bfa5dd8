import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { parseSync } from "oxc-parser";
import { describe, expect, it } from "vitest";
import { closure, files, importsOf, placeOf, show, src } from "./imports.ts";

describe("the serving path", () => {
  it.each(["app.ts", "services.ts", "main/server.ts", "main/lambda.ts", "main/lambda-tasks.ts"])(
    "never loads TensorFlow.js from %s",
    (entry) => {
      const loaded = [...closure(entry)];
      expect(loaded.length).toBeGreaterThan(10);
      expect(loaded.filter((name) => name.startsWith("@tensorflow/")).map(show)).toEqual([]);
      expect(
        loaded.map(show).filter((name) => /^(model|graph|training)\/|^graphs\/(?!files)/.test(name)),
      ).toEqual([]);
    },
  );
});

const everywhere = ["src", "bench", "test", "tools", "examples"].flatMap((folder) =>
  readdirSync(resolve(src, "..", folder), { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(ts|tsx|mjs)$/.test(name))
    .map((name) => resolve(src, "..", folder, name)),
);

describe("the rules of the source", () => {
  it("let only config.ts read the environment", () => {
    // The console runs in browsers, which have none; the code that it shows to users may read theirs.
    const readers = files
      .filter((file) => placeOf(file) !== "console")
      .filter((file) => readFileSync(file, "utf8").includes("process.env"));
    // no-telemetry.ts sets a variable and reads none; process.ts hands Node's own on to a child.
    expect(readers.map(show)).toEqual(["config.ts", "lib/no-telemetry.ts", "lib/child/process.ts"]);
  });

  it("take Drizzle from the one place where it is loaded quickly", () => {
    const loaders = everywhere.filter((file) =>
      importsOf(file).some(({ to, runs }) => runs && to?.startsWith("drizzle-orm")),
    );
    expect(loaders.map(show)).toEqual([]);
    expect(readFileSync(join(src, "db/drizzle.ts"), "utf8")).toContain('load("drizzle-orm")');
  });

  it("load onnxruntime with its telemetry off, also in the threads that a file starts", () => {
    const loaders = everywhere.filter((file) =>
      importsOf(file).some(({ to, runs }) => runs && to === "onnxruntime-node"),
    );
    expect(loaders.map(show)).toEqual(["lib/onnxruntime.ts"]);

    const loads = (file: string, name: string): boolean => closure(show(file)).has(join(src, name));
    const threads = files
      .filter(
        (file) =>
          /\b(new Worker|workerPool)\b/.test(readFileSync(file, "utf8")) && placeOf(file) !== "console",
      )
      .flatMap((file) =>
        [...readFileSync(file, "utf8").matchAll(/"(\.\.?\/[\w/-]+\.ts)"/g)]
          .map(([, path = ""]) => ({ file, thread: resolve(dirname(file), path) }))
          .filter(({ thread }) => files.includes(thread) && loads(thread, "lib/onnxruntime.ts")),
      );
    expect(new Set(threads.map(({ file }) => show(file))).size).toBeGreaterThan(2);
    const reporting = threads.filter(({ file }) => !loads(file, "lib/no-telemetry.ts"));
    expect(reporting.map(({ file }) => show(file))).toEqual([]);
  });

  it("give errors to the log as they are, for its serializers to leave out what callers sent", () => {
    const told = files.filter((file) =>
      /\blog(ger)?\.(warn|error|fatal|info)\([^;]*(messageOf\(|\.message\b|\.stack\b)/.test(
        readFileSync(file, "utf8"),
      ),
    );
    expect(told.map(show)).toEqual([]);
  });

  it("begin no sentence of a comment with a fragment", () => {
    const fragment = /(^[\s*]*|[.:;!?][\s*]+)Of [a-z]/;
    const fragments = everywhere.flatMap((file) => {
      const text = readFileSync(file, "utf8");
      if (!/\bOf [a-z]/.test(text)) return [];
      const { comments } = parseSync(file, text);
      return comments
        .filter(({ value }) => fragment.test(value))
        .map(({ value }) => `${show(file)}: ${value}`);
    });
    expect(fragments).toEqual([]);
  });

  it("keep every file at 300 lines or fewer", () => {
    const long = files.filter((file) => readFileSync(file, "utf8").split("\n").length > 301).map(show);
    expect(long).toEqual([]);
  });
});
