import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { digestFile } from "../lib/hash.ts";
import {
  keyIdOf,
  readBundle,
  type SignedFile,
  SignatureRefused,
  verifyFile,
  verifyFiles,
} from "../lib/model-signature.ts";
import { parse } from "./arguments.ts";
import type { Command } from "./command.ts";
import { CliError } from "./errors.ts";

/** Whether a file, or a folder with a model's files, is what its signature says, by a key in a file or else by the server's. */
export const verifyCommand: Command = async ({ args, api }) => {
  const { values, positionals } = parse(args, ["FILE"], {
    signature: { type: "string" },
    key: { type: "string" },
  });
  const file = positionals[0] as string;
  const bundle = await readFile(values.signature ?? `${file}.sig`, "utf8");
  const files = await filesOf(file);
  const key =
    values.key === undefined
      ? (await (await api()).get("/v1/model-signing-key")).pem
      : await readFile(values.key, "utf8");
  try {
    const [{ name: first, sha256 }] = files as [SignedFile];
    const alone = first === ".";
    const { name, about } = alone
      ? verifyFile(readBundle(bundle), key, sha256)
      : verifyFiles(readBundle(bundle), key, files);
    const text = `${file} is ${name} as it was signed by key ${keyIdOf(key)}`;
    const hashes = alone ? { sha256 } : { files };
    return { text, data: { file, ...hashes, key: keyIdOf(key), name, ...about } };
  } catch (error) {
    if (!(error instanceof SignatureRefused)) throw error;
    throw new CliError("signature_refused", `${file} is not what was signed: ${error.message}.`);
  }
};

/** A file by itself is `.`; of a folder each file below it, by its path there. */
async function filesOf(path: string): Promise<SignedFile[]> {
  if (!(await stat(path)).isDirectory()) return [{ name: ".", sha256: (await digestFile(path)).sha256 }];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name));
  if (files.length === 0) throw new CliError("signature_refused", `${path} holds no files.`);
  return Promise.all(
    files.map(async (file) => ({
      name: relative(path, file).split(sep).join("/"),
      sha256: (await digestFile(file)).sha256,
    })),
  );
}
