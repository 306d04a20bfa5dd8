import { readFileSync } from "node:fs";
import { plainFocus } from "../../src/domain/focus.ts";
import type { MemoryOptions } from "./options.ts";
import { openWorld } from "../lib/world.ts";
import { machine } from "../lib/report.ts";
import { smallHead } from "../lib/versions/kinds.ts";
import { drawnPictures } from "../lib/versions/pictures.ts";
import { storeVersion } from "../lib/versions/store.ts";

const projects = 5;
const pictures = 2;
/** Resident memory is read so many times. */
const readings = 20;

interface MemoryReport {
  readonly bench: "memory";
  readonly cpu: string;
  readonly cores: number;
  readonly prompts: number;
  readonly versions: number;
  readonly projects: number;
  /** MiB resident before the first prompt, and after each twentieth of them. */
  readonly rest_mib: number;
  readonly resident_mib: readonly number[];
  /** The most of the second half less the most of the first: what still grows. */
  readonly growth_mib: number;
}

/** Every prompt asks another version, half of which refine their masks by a point head. */
export async function main({ json, prompts, versions }: MemoryOptions): Promise<number> {
  const world = await openWorld({ threads: 2, workers: 1, images: 0, nodeOptions: [] });
  try {
    const drawn = await drawnPictures(pictures);
    const asked: { path: string; body: object }[] = [];
    for (let p = 0; p < projects; p++) {
      const { id } = await world.call("/v1/projects", { name: `memory ${p}` });
      const under = `/v1/projects/${String(id)}`;
      const images: string[] = [];
      for (const { bytes } of drawn) {
        const image = await world.call(`${under}/images`, bytes);
        images.push(String(image["id"]));
      }
      for (let v = 0; v < versions / projects; v++) {
        const focus = v % 2 === 0 ? plainFocus : { zoom: null, refine: smallHead() };
        const version = await storeVersion(world.call, under, focus, 1e-6 * (p * versions + v + 1));
        for (const [i, image] of images.entries()) {
          const [object] = drawn[i]?.objects ?? [];
          asked.push({
            path: `${under}/predict`,
            body: { image: { id: image }, prompts: [{ box: object?.box }], version },
          });
        }
      }
    }
    const rest = residentMib(world.pid);
    const resident: number[] = [];
    for (let i = 0; i < prompts; i++) {
      // A step that shares no factor with their number visits all of them, in no order that a cache would like.
      const { path, body } = asked[(i * 37) % asked.length] as (typeof asked)[number];
      await world.call(path, body);
      if ((i + 1) % Math.ceil(prompts / readings) === 0) resident.push(residentMib(world.pid));
    }
    const half = Math.floor(resident.length / 2);
    const most = (some: readonly number[]): number => Math.max(...some);
    const report: MemoryReport = {
      bench: "memory",
      ...machine(),
      prompts,
      versions,
      projects,
      rest_mib: rest,
      resident_mib: resident,
      growth_mib: most(resident.slice(half)) - most(resident.slice(0, half)),
    };
    if (json) process.stdout.write(`${JSON.stringify(report)}\n`);
    else print(report);
  } finally {
    await world.close();
  }
  return 0;
}

/** Linux tells it. */
function residentMib(pid: number): number {
  const found = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Math.round(Number(found) / 1024);
}

function print({
  prompts,
  versions,
  rest_mib: rest,
  resident_mib: resident,
  growth_mib: growth,
}: MemoryReport) {
  process.stdout.write(
    `memory: ${prompts} prompts over ${versions} versions of ${projects} projects; MiB resident\n` +
      `at rest ${rest}, then ${resident.join(", ")}\n` +
      `the second half's most less the first half's: ${growth}\n`,
  );
}
