import { setTimeout as pause } from "node:timers/promises";
import type { Row } from "../types.ts";
import { works } from "../work.ts";
import { check } from "../world.ts";
import { untilAnswers } from "./kill.ts";

const stormMs = 60_000;
const together = works.filter(({ name }) => ["an upload", "a fine-tune", "promotions"].includes(name));

/** What DBOS asks of itself: the database dies every few seconds, and all that was asked for comes to its end. */
export const storms: readonly Row[] = [
  {
    kind: "storm",
    name: "Postgres killed every 5 to 10 s for a minute, with uploads, predictions and a fine-tune",
    async run(open, random) {
      const world = await open();
      const faults: string[] = [];
      const end = performance.now() + stormMs;
      const working = together.map(async (work) => {
        do faults.push(...(await (await work.prepare(world))()));
        while (performance.now() < end);
      });
      for (const one of working) one.catch(() => {});
      let kills = 0;
      let longest = 0;
      while (performance.now() < end) {
        await pause(5000 + random.below(5000));
        const start = performance.now();
        await world.service.kill("Postgres");
        await untilAnswers(world);
        kills++;
        longest = Math.max(longest, (performance.now() - start) / 1000);
      }
      await Promise.all(working);
      if (longest > 5) faults.push(`no answer for ${longest.toFixed(1)} s`);
      faults.push(...(await check(world)));
      return { told: `${kills} kills`, faults, seconds: longest };
    },
  },
];
