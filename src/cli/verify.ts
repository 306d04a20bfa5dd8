import { readFile } from "node:fs/promises";
import { digestFile } from "../lib/hash.ts";
import { keyIdOf, readBundle, SignatureRefused, verifyFile } from "../lib/model-signature.ts";
import { parse } from "./arguments.ts";
import type { Command } from "./command.ts";
import { CliError } from "./errors.ts";

/** Whether a file is what its signature says, by a key in a file or else by that of the server. */
export const verifyCommand: Command = async ({ args, api }) => {
  const { values, positionals } = parse(args, ["FILE"], {
    signature: { type: "string" },
    key: { type: "string" },
  });
  const file = positionals[0] as string;
  const bundle = await readFile(values.signature ?? `${file}.sig`, "utf8");
  const { sha256 } = await digestFile(file);
  const key =
    values.key === undefined
      ? (await (await api()).get("/v1/model-signing-key")).pem
      : await readFile(values.key, "utf8");
  try {
    const { name, about } = verifyFile(readBundle(bundle), key, sha256);
    const text = `${file} is ${name} as it was signed by key ${keyIdOf(key)}`;
    return { text, data: { file, sha256, key: keyIdOf(key), name, ...about } };
  } catch (error) {
    if (!(error instanceof SignatureRefused)) throw error;
    throw new CliError("signature_refused", `${file} is not what was signed: ${error.message}.`);
  }
};
