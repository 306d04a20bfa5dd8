import { setTimeout as pause } from "node:timers/promises";
import type { Victim } from "../service.ts";
import type { Row } from "../types.ts";
import { type Work, works } from "../work.ts";
import { check, type World } from "../world.ts";

/** Within it Postgres is back; one that starts the API again waits for all of its start. */
const backSeconds: Record<Victim, number> = { Postgres: 5, trainer: 5, API: 30 };

/** Milliseconds that the work takes when nothing disturbs it: found out once. */
export async function usualOf(world: World, work: Work): Promise<number> {
  const known = world.usual.get(work.name);
  if (known !== undefined) return known;
  const run = await work.prepare(world);
  const start = performance.now();
  const faults = await run();
  if (faults.length > 0) throw new Error(`undisturbed: ${faults.join("; ")}`);
  const took = performance.now() - start;
  world.usual.set(work.name, took);
  return took;
}

/** Seconds until the API answers from the database again. */
export async function untilAnswers({ client }: World): Promise<number> {
  const start = performance.now();
  await client.ask({ path: "/v1/projects?limit=1" });
  return (performance.now() - start) / 1000;
}

const killed = (work: Work, victim: Victim): Row => ({
  kind: "kill",
  name: `SIGKILL of ${victim === "Postgres" ? "" : "the "}${victim} in ${work.name}`,
  async run(open, random) {
    const world = await open();
    const usual = await usualOf(world, work);
    const run = await work.prepare(world);
    const share = random.next();
    const running = run();
    // What it throws is told below, and by then it may have long thrown it.
    running.catch(() => {});
    await pause(share * usual);
    const start = performance.now();
    const faults = await world.service.kill(victim);
    await untilAnswers(world);
    const seconds = (performance.now() - start) / 1000;
    if (seconds > backSeconds[victim]) faults.push(`no answer for ${seconds.toFixed(1)} s`);
    faults.push(...(await running), ...(await check(world)));
    return { told: `after ${Math.round(share * usual)} ms`, faults, seconds };
  },
});

const victims: readonly Victim[] = ["API", "trainer", "Postgres"];
export const kills: readonly Row[] = works.flatMap((work) => victims.map((victim) => killed(work, victim)));
