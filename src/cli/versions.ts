import { writeFile } from "node:fs/promises";
import type { Promotion, Version } from "../client/index.ts";
import { oneOf, parse, versionOf } from "./arguments.ts";
import type { Answer, Command } from "./command.ts";
import { table } from "./screen.ts";

async function collect<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const all: Row[] = [];
  for await (const row of rows) all.push(row);
  return all;
}

/** Tuned less base with the box prompt, with its 95 % interval where one was measured. */
export function gainText({ metrics }: Version): string {
  if (!metrics) return "not measured";
  const gain = metrics.evaluation?.prompts.find(({ kind }) => kind === "box")?.gain.iou;
  const { base, tuned } = metrics.held_out;
  const mean = signed(gain?.mean ?? tuned.mean_iou - base.mean_iou);
  return gain && gain.low !== null && gain.high !== null
    ? `${mean} [${signed(gain.low)}, ${signed(gain.high)}]`
    : mean;
}

const signed = (value: number): string => `${value < 0 ? "" : "+"}${value.toFixed(3)}`;

const day = (time: string): string => time.slice(0, 16).replace("T", " ");

export const projectsCommand: Command = async ({ args, api }) => {
  parse(args, [], {});
  const client = await api();
  const data = await collect(
    client.all((cursor) => client.get("/v1/projects", { params: { query: { ...(cursor && { cursor }) } } })),
  );
  const rows = data.map(({ id, name, active_version: live, created_at: made }) => [
    id,
    name,
    String(live ?? "base"),
    day(made),
  ]);
  return { text: table([["id", "name", "live", "made"], ...rows]), data };
};

export const versionsCommand: Command = async ({ args, api }) => {
  const { positionals } = parse(args, ["PROJECT"], {});
  const path = { project_id: positionals[0] as string };
  const client = await api();
  const data = await collect(
    client.all((cursor) =>
      client.get("/v1/projects/{project_id}/versions", {
        params: { path, query: { ...(cursor && { cursor }) } },
      }),
    ),
  );
  const rows = data.map((version) => {
    const held = version.metrics?.held_out;
    return [
      String(version.number),
      version.status,
      held ? held.base.mean_iou.toFixed(3) : "-",
      held ? held.tuned.mean_iou.toFixed(3) : "-",
      gainText(version),
      day(version.created_at),
    ];
  });
  return { text: table([["version", "status", "base", "tuned", "gain in IoU", "made"], ...rows]), data };
};

const name = (version: number | null): string => (version === null ? "base" : `version ${version}`);

const live = (data: Promotion): Answer => ({
  text: `live: ${name(data.to_version)} (was ${name(data.from_version)})`,
  data,
});

const reason = { reason: { type: "string" } } as const;

export const promoteCommand: Command = async ({ args, api }) => {
  const { values, positionals } = parse(args, ["PROJECT", "VERSION"], reason);
  const [project, version] = positionals as [string, string];
  const number = versionOf(version);
  const client = await api();
  return live(
    await client.post("/v1/projects/{project_id}/versions/{number}/promote", {
      params: { path: { project_id: project, number } },
      body: { ...values },
    }),
  );
};

export const rollbackCommand: Command = async ({ args, api }) => {
  const { values, positionals } = parse(args, ["PROJECT"], reason);
  const client = await api();
  return live(
    await client.post("/v1/projects/{project_id}/rollback", {
      params: { path: { project_id: positionals[0] as string } },
      body: { ...values },
    }),
  );
};

const formats = ["safetensors", "onnx", "pth", "hf", "transformersjs", "bundle", "card"] as const;
const zips: ReadonlySet<string> = new Set(["hf", "transformersjs", "bundle"]);
const variants = ["all", "single", "multi", "cvat", "served", "engine"] as const;

export const exportCommand: Command = async ({ args, api }) => {
  const { values, positionals } = parse(args, ["PROJECT", "VERSION"], {
    format: { type: "string", default: "safetensors" },
    variant: { type: "string", default: "all" },
    full: { type: "boolean", default: false },
    output: { type: "string", short: "o" },
    sign: { type: "boolean", default: false },
  });
  const [project, version] = positionals as [string, string];
  const format = oneOf("--format", formats, values.format);
  const variant = oneOf("--variant", variants, values.variant);
  const number = versionOf(version);
  const isZip = zips.has(format) || (format === "onnx" && values.full);
  const file = values.output ?? `maskwright-${version}.${isZip ? "zip" : format === "card" ? "md" : format}`;
  const client = await api();
  const params = {
    path: { project_id: project, number },
    query: { format, variant, full: values.full },
  };
  const blob = await client.get("/v1/projects/{project_id}/versions/{number}/export", { params });
  await writeFile(file, blob.stream());
  const wrote = `wrote ${file} (${blob.size} bytes)`;
  if (!values.sign) return { text: wrote, data: { file, bytes: blob.size } };
  const signature = `${file}.sig`;
  const bundle = await client.get("/v1/projects/{project_id}/versions/{number}/export/signature", { params });
  await writeFile(signature, JSON.stringify(bundle));
  return { text: `${wrote} and ${signature}`, data: { file, bytes: blob.size, signature } };
};
