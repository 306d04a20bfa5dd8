import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { createMaskwright, type Maskwright } from "../client/index.ts";
import { CliError } from "./errors.ts";

export interface CliEnvironment {
  readonly url: string | undefined;
  readonly key: string | undefined;
  readonly loginFile: string;
}

export interface Login {
  readonly url: string;
  readonly key: string;
}

/** Keeps a login where its owner alone can read it; what was there before is replaced at once or not at all. */
export async function keepLogin(file: string, login: Login): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const next = `${file}.${process.pid}`;
  await writeFile(next, `${JSON.stringify(login, null, 2)}\n`, { mode: 0o600 });
  // A file of that name that was left behind keeps its mode when it is written.
  await chmod(next, 0o600);
  await rename(next, file);
}

async function keptLogin(file: string): Promise<Partial<Login>> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as Partial<Login>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw new CliError("login_unreadable", `${file} can't be read; log in again.`);
  }
}

/** The server and key of this call. A kept key goes to the server that it was kept for, and to no other. */
export async function loginOf(env: CliEnvironment): Promise<Login> {
  const kept = env.url !== undefined && env.key !== undefined ? {} : await keptLogin(env.loginFile);
  const url = env.url === undefined ? kept.url : originOf(env.url);
  const key = env.key ?? (url === kept.url ? kept.key : undefined);
  if (url === undefined || key === undefined)
    throw new CliError(
      "not_logged_in",
      `No ${url === undefined ? "server" : `key for ${url}`}: run "maskwright login --url URL --key KEY", or set MASKWRIGHT_URL and MASKWRIGHT_KEY.`,
    );
  return { url, key };
}

export const connect = async (env: CliEnvironment): Promise<Maskwright> =>
  createMaskwright(await loginOf(env));

/** `https://example.com/` and `https://example.com` are one server. */
export function originOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (parsed === null || !/^https?:$/.test(parsed.protocol))
    throw new CliError("usage", `${url} is no address like http://127.0.0.1:3000.`);
  return parsed.href.replace(/\/+$/, "");
}
