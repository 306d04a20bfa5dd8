import { fork } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { hydrateSymlinks } from "../../src/db/embedded-binaries.ts";
import { isPostgres } from "../../src/db/embedded-server.ts";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/db/embedded.ts";
import { createLog } from "../../src/lib/log.ts";

const log = createLog({ level: "silent", name: "test" });
const dataDir = await mkdtemp(join(tmpdir(), "maskwright-embedded-"));
await chmod(dataDir, 0o755);
afterAll(() => rm(dataDir, { recursive: true, force: true }));

const start = async (dir = dataDir): Promise<EmbeddedPostgres> => {
  const server = await startEmbeddedPostgres({ dataDir: dir, log });
  onTestFinished(() => server.stop());
  return server;
};

/** The first column of the rows. */
async function ask(url: string, query: string): Promise<unknown[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return (await sql.unsafe(query)).map((row) => Object.values(row)[0] as unknown);
  } finally {
    await sql.end();
  }
}

// The tests below are one story on one folder, in this order.

test("two first starts at once: one gets the folder, the other is told who has it", async () => {
  const results = await Promise.allSettled([start(), start()]);
  const failed = results.find((result) => result.status === "rejected");
  expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
  expect(String(failed?.reason)).toContain(`Another maskwright already runs on ${dataDir}`);
  // Nothing half-made and no password file is left.
  expect((await readdir(dataDir)).sort()).toEqual(["postgres", "postgres.json", "postgres.log"]);
});

test("a second start finds the same data at the same address, which only this machine can reach", async () => {
  const first = await start();
  await ask(first.url, "create table words (word text)");
  await ask(first.url, "insert into words values ('still here')");
  await first.stop();
  expect(isPostgres(first.pid)).toBe(false);
  const second = await start();
  expect(second.url).toBe(first.url);
  expect(second.reused).toBe(false);
  expect(await ask(second.url, "select word from words")).toEqual(["still here"]);
  expect(await ask(second.url, "show listen_addresses")).toEqual(["127.0.0.1"]);
  expect(await ask(second.url, "show unix_socket_directories")).toEqual([""]);
  const wrong = new URL(second.url);
  wrong.password = "wrong";
  await expect(ask(wrong.href, "select 1")).rejects.toThrow("password authentication failed");
  expect((await stat(join(dataDir, "postgres.json"))).mode & 0o777).toBe(0o600);
});

test("a start beside a running one is told who has the folder, and does it no harm", async () => {
  const first = await start();
  await expect(start()).rejects.toThrow(`process ${first.pid}`);
  expect(await ask(first.url, "select word from words")).toEqual(["still here"]);
});

test("a Postgres that outlived its killed parent is taken over with its data, and stopped at the end", async () => {
  const child = fork(join(import.meta.dirname, "fixtures/owner.ts"), [dataDir]);
  const [told] = (await once(child, "message")) as [{ url: string; pid: number }];
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(isPostgres(told.pid)).toBe(true);
  const server = await start();
  expect(server).toMatchObject({ reused: true, pid: told.pid, url: told.url });
  expect(await ask(server.url, "select word from kept")).toEqual(["before the kill"]);
  await server.stop();
  expect(isPostgres(told.pid)).toBe(false);
});

test("after Postgres itself was killed it comes back at its address, with everything that was acknowledged", async () => {
  const server = await start();
  await ask(server.url, "insert into words values ('acknowledged')");
  const killed = server.pid;
  process.kill(killed, "SIGKILL");
  await expect.poll(() => server.pid, { timeout: 30_000, interval: 20 }).not.toBe(killed);
  expect(await ask(server.url, "select word from words")).toEqual(["still here", "acknowledged"]);
  // It belongs to us as before.
  await expect(start()).rejects.toThrow(`process ${server.pid}`);
  await server.stop();
  expect(isPostgres(server.pid)).toBe(false);
});

test("one that is stopped while it is down stays down, and is not waited for", async () => {
  const server = await start();
  process.kill(server.pid, "SIGKILL");
  await server.stop();
  expect((await start()).pid).not.toBe(server.pid);
});

test("a pid file of a crash, whose number now belongs to another process, is no obstacle", async () => {
  const file = join(dataDir, "postgres/postmaster.pid");
  await writeFile(file, `${process.pid}\n${dataDir}/postgres\n1\n5432\n\n127.0.0.1\n  1  1\nready   \n`);
  const server = await start();
  expect(server.reused).toBe(false);
  expect(await ask(server.url, "select 1")).toEqual([1]);
});

test("a port that another program took meanwhile is changed for a free one", async () => {
  const { port } = JSON.parse(await readFile(join(dataDir, "postgres.json"), "utf8")) as { port: number };
  const other = createServer().listen(port, "127.0.0.1");
  await once(other, "listening");
  onTestFinished(() => void other.close());
  const server = await start();
  expect(new URL(server.url).port).not.toBe(String(port));
  expect(await ask(server.url, "select word from kept")).toEqual(["before the kill"]);
});

test("without its password file the message says what to do", async () => {
  await rm(join(dataDir, "postgres.json"));
  await expect(start()).rejects.toThrow(/postgres\.json with the database's password is gone/);
});

test.runIf(process.getuid?.() === 0)(
  "below a folder that only root may enter, the data lies elsewhere",
  async () => {
    const closed = await mkdtemp(join(tmpdir(), "maskwright-closed-"));
    onTestFinished(() => rm(closed, { recursive: true, force: true }));
    await chmod(closed, 0o700);
    const server = await start(join(closed, "data"));
    const [folder] = await ask(server.url, "show data_directory");
    expect(folder).toMatch(/^\/var\/lib\/maskwright\/data-[0-9a-f]{12}\/postgres$/);
    onTestFinished(() => rm(join(String(folder), ".."), { recursive: true, force: true }));
    await server.stop();
    const again = await start(join(closed, "data"));
    expect(await ask(again.url, "show data_directory")).toEqual([folder]);
  },
);

test.runIf(process.getuid?.() === 0)(
  "a data folder that is its owner's alone is opened to the postgres group",
  async () => {
    const own = await mkdtemp(join(tmpdir(), "maskwright-own-"));
    onTestFinished(() => rm(own, { recursive: true, force: true }));
    const server = await start(own);
    expect(await ask(server.url, "show data_directory")).toEqual([join(own, "postgres")]);
    expect((await stat(own)).mode & 0o777).toBe(0o710);
  },
);

test("symlinks that npm could not bring are made, and made once", async () => {
  const native = join(dataDir, "package/native");
  await mkdir(join(native, "lib"), { recursive: true });
  await writeFile(join(native, "lib/libx.so.1.2"), "x");
  const links = [{ source: "native/lib/libx.so.1.2", target: "native/lib/libx.so.1" }];
  await writeFile(join(native, "pg-symlinks.json"), JSON.stringify(links));
  await hydrateSymlinks(native);
  await hydrateSymlinks(native);
  expect(await readlink(join(native, "lib/libx.so.1"))).toBe("libx.so.1.2");
  expect(await readFile(join(native, "lib/libx.so.1"), "utf8")).toBe("x");
});
