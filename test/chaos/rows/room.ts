import { execFile } from "node:child_process";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { type Row, Skip } from "../types.ts";
import { check, newProject, openWorld } from "../world.ts";
import { works } from "../work.ts";

const run = promisify(execFile);

/** Takes all the room that is left, to the last block. */
async function fill(path: string): Promise<void> {
  const file = await open(path, "w");
  try {
    for (let block = 1 << 20; block >= 4096;) {
      try {
        await file.write(Buffer.alloc(block, 1));
      } catch {
        block >>= 1;
      }
    }
  } finally {
    await file.close();
  }
}

/** A service whose whole data folder lies on a small disk of its own, which runs full and has room again. */
export const rooms: readonly Row[] = [
  {
    kind: "room",
    name: "a full disk, database and objects alike",
    async run() {
      const disk = await mkdtemp(join(tmpdir(), "maskwright-chaos-disk-"));
      try {
        await run("mount", ["-t", "tmpfs", "-o", "size=900m,mode=755", "tmpfs", disk]);
      } catch {
        await rm(disk, { recursive: true });
        throw new Skip("no tmpfs can be mounted here (it takes root)");
      }
      try {
        const world = await openWorld({}, join(disk, "service"));
        try {
          return await whenFull(world, join(disk, "ballast"));
        } finally {
          await world.service.close();
        }
      } finally {
        await run("umount", [disk]);
        await rm(disk, { recursive: true, force: true });
      }
    },
  },
];

async function whenFull(world: Awaited<ReturnType<typeof openWorld>>, ballast: string) {
  const { client, service, taught, image } = world;
  const faults: string[] = [];
  const project = await newProject(client);
  const pictures = await world.pictures(9);
  const before = await service.find("API");
  await fill(ballast);
  const reads = [{ path: `${taught}/images?limit=1` }, { path: `${taught}/images/${image}/content` }];
  // Each is logged, which takes room: so it may be refused as an upload is, and by the same code.
  const predict = {
    path: `${taught}/predict`,
    json: { image: { id: image }, prompts: [{ points: [[60, 45, 1]] }] },
  };
  const answers = new Set<string>();
  for (const body of pictures.slice(0, 8)) {
    for (const read of reads) {
      const { status, code } = await client.once(read);
      if (status !== 200) faults.push(`${read.path}: ${status} ${code}`);
    }
    const upload = { path: `${project}/images`, body, type: "image/png" };
    for (const [name, write] of Object.entries({ upload, prediction: predict })) {
      const { status, code } = await client.once(write);
      answers.add(`${name}: ${status}${code ? ` ${code}` : ""}`);
      const isRefused = status === 507 || status === 503;
      if (!isRefused && !(write === predict && status === 200)) faults.push(`${name}: ${status} ${code}`);
    }
    await pause(250);
  }
  if ((await service.find("API")).started !== before.started) faults.push("it has ended meanwhile");
  await rm(ballast);
  const start = performance.now();
  await client.call({ path: `${project}/images`, body: pictures[8], type: "image/png" });
  const seconds = (performance.now() - start) / 1000;
  for (const work of works.filter(({ name }) => name === "an upload" || name === "an import"))
    faults.push(...(await (await work.prepare(world))()));
  faults.push(...(await check(world)));
  return { told: [...answers].join(", "), faults, seconds };
}
