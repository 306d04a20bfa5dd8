/** npm run test:chaos: what is left of the work when something breaks in the middle of it; see options.ts. */
import { messageOf } from "../../src/lib/errors.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { seenNow } from "../abuse/report.ts";
import { readOptions, usage } from "./options.ts";
import { lineOf, type Round, write } from "./report.ts";
import { rows } from "./rows/index.ts";
import { Service } from "./service.ts";
import { type Row, Skip } from "./types.ts";
import { openWorld, type World } from "./world.ts";

if (process.argv.includes("--help")) {
  process.stdout.write(usage);
  process.exit();
}
const options = readOptions(process.argv.slice(2));
if (options) process.exitCode = await main(options);
else {
  process.stderr.write(usage);
  process.exitCode = 2;
}

async function main(asked: NonNullable<typeof options>): Promise<number> {
  const wanted = (text: string): boolean =>
    asked.only.length === 0 || asked.only.some((part) => text.includes(part));
  const chosen = rows.filter(({ kind, name }) => wanted(`${kind}: ${name}`));
  const say = (line: string): void => void (asked.json ? process.stderr : process.stdout).write(`${line}\n`);
  if (asked.list) {
    for (const { kind, name } of chosen) say(`${kind}: ${name}`);
    return 0;
  }
  const rounds: Round[] = [];
  let world: World | undefined;
  const close = async (): Promise<void> => {
    await world?.service.close();
    world = undefined;
  };
  let closing: Promise<void> | undefined;
  // npm and its shell pass the signal on, each once more.
  for (const name of ["SIGINT", "SIGTERM"] as const)
    process.on(name, () => void (closing ??= Service.closeAll().finally(() => process.exit(1))));

  const runRound = async (row: Row, number: number): Promise<Round> => {
    const about = { kind: row.kind, name: row.name, round: number, seen: seenNow() };
    try {
      const open = async (): Promise<World> => (world ??= await openWorld());
      return { ...about, told: await row.run(open, seededRandom(asked.seed * 1_000_003 + number)) };
    } catch (error) {
      if (error instanceof Skip) return { ...about, told: null, skipped: error.message };
      // Nobody knows what it has left behind.
      await close();
      const faults = [`broke off: ${messageOf(error)}`];
      return { ...about, told: { told: "", faults, seconds: null } };
    }
  };
  try {
    const count = asked.rounds ?? chosen.length;
    for (let i = 0; i < count && chosen.length > 0; i++) {
      const round = await runRound(chosen[i % chosen.length] as Row, i);
      rounds.push(round);
      if (asked.json) process.stdout.write(`${JSON.stringify(round)}\n`);
      const { told, skipped } = round;
      say(
        `${i + 1} of ${count} ${round.kind}: ${round.name}: ${skipped ? `SKIPPED, ${skipped}` : told?.told}`,
      );
      for (const fault of told?.faults ?? []) say(`    ${fault}`);
      if (asked.write) await write(rows, rounds);
    }
  } finally {
    await close();
  }
  const names = [...new Set(rounds.filter(({ told }) => told).map(({ name }) => name))];
  for (const name of names)
    say(
      lineOf(
        name,
        rounds.filter((round) => round.name === name),
      ),
    );
  const faulty = rounds.filter(({ told }) => told && told.faults.length > 0);
  const skipped = rounds.filter(({ told }) => !told);
  say(
    `${rounds.length} rounds with seed ${asked.seed}: ${faulty.length} with a fault, ${skipped.length} skipped`,
  );
  return faulty.length === 0 ? 0 : 1;
}
