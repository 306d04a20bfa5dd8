import { setTimeout as sleep } from "node:timers/promises";
import type { AutoLabel } from "../client/index.ts";
import { integer, number, parse, versionOf } from "./arguments.ts";
import type { Command } from "./command.ts";
import { CliError } from "./errors.ts";
import { bar, Live } from "./screen.ts";

/** Looks for objects in all images without annotations, and waits until it has ended. */
export const autoLabelCommand: Command = async ({ args, json, api, streams }) => {
  const { values, positionals } = parse(args, ["PROJECT"], {
    version: { type: "string" },
    threshold: { type: "string" },
    "max-objects": { type: "string" },
    label: { type: "string", multiple: true },
    detach: { type: "boolean", default: false },
  });
  const most = values["max-objects"];
  const body = {
    ...(values.version !== undefined && { version: versionOf(values.version) }),
    ...(values.threshold !== undefined && { threshold: number("--threshold", values.threshold) }),
    ...(most !== undefined && { max_objects: integer("--max-objects", most, 1) }),
    ...(values.label && { labels: values.label }),
  };
  const client = await api();
  const project_id = positionals[0] as string;
  const started = await client.post("/v1/projects/{project_id}/auto-label", {
    params: { path: { project_id } },
    body,
  });
  if (values.detach) return { text: `auto-label ${started.id} is ${started.status}`, data: started };
  const live = new Live(streams.err, !json);
  const path = { project_id, auto_label_id: started.id };
  try {
    for (let job = started; ; await sleep(300)) {
      job = await client.get("/v1/projects/{project_id}/auto-label/{auto_label_id}", { params: { path } });
      const { done, total, eta_seconds: eta } = job.progress ?? { done: 0, total: 0, eta_seconds: null };
      live.draw([bar("finding", done, total, eta === null ? "" : `${eta} s left, ${job.found} found`)]);
      if (job.status === "succeeded") return { text: textOf(job), data: job };
      if (job.status === "failed" || job.status === "cancelled")
        throw new CliError(
          job.error?.code ?? `auto_label_${job.status}`,
          job.error?.message ?? `The auto-label ${job.id} is ${job.status}.`,
        );
    }
  } finally {
    live.clear();
  }
};

/** What was found, then a line for each image that could not be read. */
const textOf = ({ found, left_out: left, progress, version, skipped, failed, failures }: AutoLabel): string =>
  [
    `version ${version} proposes ${found} objects in ${(progress?.done ?? 0) - skipped - failed} images, to be reviewed`,
    ...(left > 0 ? [`left out: ${left} x beyond --max-objects`] : []),
    ...(skipped > 0 ? [`skipped: ${skipped} x deleted or annotated meanwhile`] : []),
    ...(failed > 0 ? [`failed: ${failed} x can't be read`] : []),
    ...failures.map(({ image_id, message }) => `${image_id}: ${message}`),
  ].join("\n");
