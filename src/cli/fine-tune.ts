import type { FineTune, FineTuneEvent, Maskwright, Version } from "../client/index.ts";
import { integer, parse } from "./arguments.ts";
import type { Answer, Command, Call } from "./command.ts";
import { CliError } from "./errors.ts";
import { bar, chart, Live } from "./screen.ts";
import { gainText } from "./versions.ts";

/** What a fine-tune may be told. */
export const tuning = {
  epochs: { type: "string" },
  budget: { type: "string" },
  serving: { type: "string" },
  seed: { type: "string" },
} as const;

/** Starts a fine-tune and shows it until it has ended. Ctrl-C asks it to stop and keep its best; once more leaves it alone. */
export const fineTuneCommand: Command = async (call) => {
  const { values, positionals } = parse(call.args, ["PROJECT"], {
    ...tuning,
    "base-version": { type: "string" },
    detach: { type: "boolean", default: false },
  });
  const base = values["base-version"];
  const body = {
    ...bodyOf(values),
    ...(base !== undefined && { base_version: integer("--base-version", base, 1) }),
  };
  const client = await call.api();
  const params = { path: { project_id: positionals[0] as string } };
  const job = await client.post("/v1/projects/{project_id}/fine-tunes", { params, body });
  if (values.detach) return { text: `fine-tune ${job.id} is ${job.status}`, data: job };
  return ended(client, await watch(client, job, call));
};

/** Throws CliError usage. */
export function bodyOf(values: { readonly [Name in keyof typeof tuning]?: string | undefined }) {
  const hyperparameters = {
    ...(values.epochs !== undefined && { epochs: integer("--epochs", values.epochs, 1) }),
    ...(values.serving !== undefined && { serving: servingOf(values.serving) }),
    ...(values.budget !== undefined && { budget_seconds: integer("--budget", values.budget, 1) }),
  };
  return {
    ...(Object.keys(hyperparameters).length > 0 && { hyperparameters }),
    ...(values.seed !== undefined && { seed: integer("--seed", values.seed) }),
  };
}

function servingOf(text: string): "interactive" | "best" {
  if (text === "interactive" || text === "best") return text;
  throw new CliError("usage", `--serving is interactive or best, not ${text}.`);
}

/** What the events have told so far. */
export class Story {
  readonly loss: number[] = [];
  readonly iou: number[] = [];
  readonly trials: string[] = [];
  last = "";

  hear({ message, data }: FineTuneEvent): void {
    this.last = message;
    if (typeof data["trial"] === "number") this.trials.push(message);
    if (typeof data["train_loss"] === "number") this.loss.push(data["train_loss"]);
    if (typeof data["selection_iou"] === "number") this.iou.push(data["selection_iou"]);
  }

  /** The newest trials, the two curves and the bar. */
  lines(job: FineTune, columns: number): string[] {
    const {
      phase,
      done,
      total,
      eta_seconds: eta,
    } = job.progress ?? { phase: job.status, done: 0, total: 0, eta_seconds: null };
    return [
      ...this.trials.slice(-4),
      ...chart("selection IoU", this.iou, columns),
      ...chart("train loss", this.loss, columns),
      bar(phase, done, total, eta === null ? "" : `${Math.round(eta)} s left`),
      this.last,
    ];
  }
}

/** Shows a fine-tune until it has ended. */
export async function watch(
  client: Maskwright,
  started: FineTune,
  { json, streams }: Call,
): Promise<FineTune> {
  const live = new Live(streams.err, !json);
  const path = { project_id: started.project_id, fine_tune_id: started.id };
  const story = new Story();
  let job = started;
  const draw = (): void => live.draw(story.lines(job, streams.err.columns ?? 80));
  let failed: unknown;
  const look = async (): Promise<void> => {
    job = await client.get("/v1/projects/{project_id}/fine-tunes/{fine_tune_id}", { params: { path } });
    draw();
  };
  // Between two events the job itself tells how far it is.
  const timer = setInterval(() => {
    if (!live.isOn) return;
    // What fails here fails again at the next second, or where the events are read.
    void look().catch(() => {});
  }, 1000);
  let asked = 0;
  const onInterrupt = (): void => {
    // Ctrl-C can arrive twice at once: from the terminal and from npm.
    if (asked > 0) {
      if (performance.now() - asked < 500) return;
      live.clear();
      streams.err.write(`It goes on by itself: fine-tune ${job.id}\n`);
      process.exit(130);
    }
    asked = performance.now();
    live.clear();
    streams.err.write("Asked to stop: its best epoch becomes a version. Ctrl-C once more leaves it alone.\n");
    client
      .post("/v1/projects/{project_id}/fine-tunes/{fine_tune_id}/stop", { params: { path } })
      .catch((error: unknown) => {
        failed = error;
      });
  };
  process.on("SIGINT", onInterrupt);
  try {
    for await (const one of client.follow(started.project_id, started.id)) {
      if (one.type === "end") return one.fineTune;
      story.hear(one.event);
      if (live.isOn) draw();
      else if (!json) streams.err.write(`${one.event.message}\n`);
    }
    throw failed ?? new CliError("failed", "The events ended without the job's end.");
  } finally {
    clearInterval(timer);
    process.off("SIGINT", onInterrupt);
    // The curves stay on the screen, the bar does not.
    live.clear();
    if (live.isOn)
      for (const line of story.lines(job, streams.err.columns ?? 80).slice(0, -2))
        streams.err.write(`${line}\n`);
  }
}

/** What it ended as. Throws CliError where it made no version. */
export async function ended(client: Maskwright, job: FineTune): Promise<Answer> {
  if (job.version === null)
    throw new CliError(
      job.error?.code ?? `fine_tune_${job.status}`,
      job.error?.message ?? `The fine-tune ${job.id} is ${job.status}.`,
    );
  const version: Version = await client.get("/v1/projects/{project_id}/versions/{number}", {
    params: { path: { project_id: job.project_id, number: job.version } },
  });
  const held = version.metrics?.held_out;
  const measured = held
    ? `: mean IoU ${held.base.mean_iou.toFixed(3)} -> ${held.tuned.mean_iou.toFixed(3)} on ${held.images} held-out images (${gainText(version)})`
    : "";
  return { text: `version ${version.number} (${version.status})${measured}${quickness(version)}`, data: job };
}

/** How long an answer takes beside the base's, and what was given up for that. */
function quickness({ metrics }: Version): string {
  const { latency, serving } = metrics ?? {};
  if (!latency || !serving) return "";
  const lost = serving.given_up?.mean_iou;
  const own = serving.given_up?.own_mean_iou;
  const given =
    lost == null || own == null
      ? ""
      : `; --serving best had mean IoU ${lost.toFixed(3)} in a short trial where this had ${own.toFixed(3)}`;
  return `\nan answer takes ${latency.box.ratio} times the base's by box, ${latency.click.ratio} by click${given}`;
}
