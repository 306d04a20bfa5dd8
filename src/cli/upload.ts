import { openAsBlob } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { parse } from "./arguments.ts";
import type { Command } from "./command.ts";

/** A file of weights becomes a version of a project, which is not live. */
export const uploadCommand: Command = async ({ args, api }) => {
  const { values, positionals } = parse(args, ["PROJECT", "FILE"], { signature: { type: "string" } });
  const [project, file] = positionals as [string, string];
  const path = resolve(file);
  const weights = await openAsBlob(path);
  const signature = values.signature && (await readFile(values.signature)).toString("base64");
  const client = await api();
  const data = await client.uploadVersion(project, weights, {
    fileName: basename(path),
    ...(signature && { signature }),
  });
  const lines = [
    `version ${data.number} (${data.status}): ${file}, ${data.imported?.format ?? ""}`,
    ...(data.imported?.notes ?? []),
  ];
  return { text: lines.join("\n"), data };
};
