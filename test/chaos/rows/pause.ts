import { setTimeout as pause } from "node:timers/promises";
import { signal } from "../processes.ts";
import type { Row } from "../types.ts";
import { type Work, works } from "../work.ts";
import { check } from "../world.ts";
import { usualOf } from "./kill.ts";

/** A stopped trainer's job is another's after its lease; then the first goes on and must change nothing. */
const paused = (work: Work): Row => ({
  kind: "pause",
  name: `SIGSTOP of the trainer in ${work.name}, another takes over, SIGCONT`,
  async run(open, random) {
    const world = await open();
    const usual = await usualOf(world, work);
    const run = await work.prepare(world);
    const stopped = await world.service.find("trainer");
    const share = random.next();
    const running = run();
    running.catch(() => {});
    await pause(share * usual);
    await signal(stopped, "SIGSTOP");
    const other = await world.service.startTrainer();
    try {
      const faults = await running;
      await signal(stopped, "SIGCONT");
      // What it had in hand it tries to settle now.
      await pause(3000);
      faults.push(...(await check(world)));
      return { told: `after ${Math.round(share * usual)} ms`, faults, seconds: null };
    } finally {
      await signal(stopped, "SIGCONT");
      await signal(other, "SIGKILL");
    }
  },
});

export const pauses: readonly Row[] = works
  .filter(({ name }) => ["an import", "a fine-tune", "an auto-label"].includes(name))
  .map(paused);
