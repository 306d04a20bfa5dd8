import { setTimeout as pause } from "node:timers/promises";
import { type Process, signal, untilGone } from "../processes.ts";
import type { Row } from "../types.ts";
import { type Work, works } from "../work.ts";
import { check, type World } from "../world.ts";
import { usualOf } from "./kill.ts";

const mostSeconds = 10;

/** @param before what is done to it first; gives the process that sleeps through the signal */
const ended = (name: string, work: Work, before: (world: World) => Promise<Process | null>): Row => ({
  kind: "end",
  name: `SIGTERM in ${work.name}${name}`,
  async run(open, random) {
    const world = await open();
    const usual = await usualOf(world, work);
    const run = await work.prepare(world);
    const share = random.next();
    const running = run();
    running.catch(() => {});
    await pause(share * usual);
    const sleeping = await before(world);
    const { seconds, left } = await world.service.terminate(sleeping ?? undefined);
    if (sleeping) {
      await signal(sleeping, "SIGCONT");
      if ((await untilGone(sleeping, mostSeconds)) === null) left.push(sleeping.command);
    }
    const faults = left.map((command) => `lives on: ${command}`);
    if (seconds > mostSeconds) faults.push(`${seconds.toFixed(1)} s until all had ended`);
    await world.service.start();
    faults.push(...(await running), ...(await check(world)));
    return { told: `after ${Math.round(share * usual)} ms`, faults, seconds };
  },
});

const nothing = (): Promise<null> => Promise.resolve(null);
const [dataImport, fineTune] = ["an import", "a fine-tune"].map((name) =>
  works.find((work) => work.name === name),
) as [Work, Work];

export const ends: readonly Row[] = [
  ended("", fineTune, nothing),
  ended("", dataImport, nothing),
  ended(", Postgres just killed", fineTune, async ({ service }) => {
    await service.kill("Postgres");
    return null;
  }),
  ended(", Postgres stopped until after it", fineTune, async ({ service }) => {
    const postgres = await service.find("Postgres");
    await signal(postgres, "SIGSTOP");
    return postgres;
  }),
];
