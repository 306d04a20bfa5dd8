import { readFile, writeFile } from "node:fs/promises";
import sharp, { type OverlayOptions } from "sharp";
import { numbers, parse, versionOf } from "./arguments.ts";
import type { Command } from "./command.ts";
import { CliError } from "./errors.ts";

const colours = [
  [255, 64, 64],
  [64, 128, 255],
  [255, 192, 0],
  [32, 192, 96],
] as const;

type Prompt = {
  box?: [number, number, number, number];
  points?: [number, number, number][];
  label?: string;
  region?: true;
  like?: { annotation: string } | { box: [number, number, number, number] };
};

/** Each box is an object of its own; points are one object, and with a single box they tell of that one. */
function drawnOf(boxes: readonly string[], points: readonly string[]): Prompt[] {
  const clicks = points.map((text): [number, number, number] => {
    const [x, y, label] = numbers("--point", text, [2, 3]) as [number, number, number?];
    return [x, y, label ?? 1];
  });
  const prompts = boxes.map((text): Prompt => ({
    box: numbers("--box", text, [4]) as [number, number, number, number],
  }));
  if (prompts.length > 1 && clicks.length > 0)
    throw new CliError("usage", "Points go with one box; with several it is not clear which.");
  return clicks.length === 0 ? prompts : [{ ...prompts[0], points: clicks }];
}

/** An annotation's id, or a box in the image. */
const likeOf = (text: string): NonNullable<Prompt["like"]> =>
  text.includes(",")
    ? { box: numbers("--like", text, [4]) as [number, number, number, number] }
    : { annotation: text };

export const predictCommand: Command = async ({ args, api }) => {
  const { values, positionals } = parse(args, ["PROJECT", "IMAGE"], {
    box: { type: "string", multiple: true, default: [] },
    point: { type: "string", multiple: true, default: [] },
    label: { type: "string", multiple: true, default: [] },
    region: { type: "string", multiple: true, default: [] },
    like: { type: "string", multiple: true, default: [] },
    find: { type: "boolean", default: false },
    version: { type: "string", default: "active" },
    overlay: { type: "string" },
    mask: { type: "string" },
  });
  const [projectId, path] = positionals as [string, string];
  const { find } = values;
  const prompts = [
    ...drawnOf(values.box, values.point),
    ...values.label.map((label): Prompt => ({ label })),
    ...values.region.map((label): Prompt => ({ label, region: true })),
    ...values.like.map((text): Prompt => ({ like: likeOf(text) })),
  ];
  if (prompts.length === 0 && !find)
    throw new CliError("usage", "Give a --box, a --point, a --label, a --region, a --like or --find.");
  const version = values.version === "active" ? values.version : versionOf(values.version);
  const bytes = await readFile(path);
  const client = await api();
  const answer = await client.post("/v1/projects/{project_id}/predict", {
    params: { path: { project_id: projectId } },
    body: {
      image: { base64: bytes.toString("base64") },
      prompts,
      find,
      version,
      format: "png",
      multimask: false,
    },
  });
  const [result] = answer.results;
  const answered = [...(result?.predictions ?? []), ...(result?.found ? [result.found] : [])];
  const masks = answered.flatMap((one) => one.masks.flatMap((mask) => (mask.format === "png" ? [mask] : [])));
  const left = answered.reduce((sum, { left_out: out = 0 }) => sum + out, 0);
  const pngs = masks.map(({ data }) => Buffer.from(data, "base64"));
  if (values.mask !== undefined) await writeFile(values.mask, await union(pngs));
  if (values.overlay !== undefined) await writeOverlay(bytes, pngs, prompts, values.overlay);
  const lines = masks.map(
    ({ score, bbox, area, label, label_score: sure }, i) =>
      `mask ${i + 1}: ${sure === undefined ? "" : `${label ?? "no label"} ${sure.toFixed(3)}, `}` +
      `score ${score.toFixed(3)}, ${area} pixels, box ${bbox.join(",")}`,
  );
  const written = [values.mask, values.overlay].filter((file) => file !== undefined);
  if (left > 0) lines.push(`${left} more were left out`);
  const text = [...lines, ...written.map((file) => `wrote ${file}`), `version ${String(result?.version)}`];
  return { text: text.join("\n"), data: answer };
};

/** All masks in one picture: 255 where any of them is. */
async function union(pngs: readonly Buffer[]): Promise<Buffer> {
  const [first, ...others] = pngs;
  if (!first) throw new CliError("no_mask", "The server gave no mask.");
  const joined = await sharp(first)
    .composite(others.map((input) => ({ input, blend: "lighten" })))
    .png()
    .toBuffer();
  // Joining makes it RGB; all three are the mask.
  return sharp(joined).extractChannel(0).toColourspace("b-w").png().toBuffer();
}

/** The image as seen (EXIF turned), its masks tinted, its prompts drawn; the file's ending says the format. */
async function writeOverlay(
  bytes: Buffer,
  pngs: readonly Buffer[],
  prompts: readonly Prompt[],
  to: string,
): Promise<void> {
  const { data, info } = await sharp(bytes)
    .autoOrient()
    .removeAlpha()
    .png()
    .toBuffer({ resolveWithObject: true });
  const { width, height } = info;
  const layers: OverlayOptions[] = [];
  for (const [i, png] of pngs.entries()) {
    const alpha = await sharp(png).extractChannel(0).linear(0.5, 0).raw().toBuffer();
    const [r, g, b] = colours[i % colours.length] ?? colours[0];
    const input = await sharp({ create: { width, height, channels: 3, background: { r, g, b } } })
      .joinChannel(alpha, { raw: { width, height, channels: 1 } })
      .png()
      .toBuffer();
    layers.push({ input });
  }
  const stroke = Math.max(1, Math.round(Math.max(width, height) / 400));
  const shapes = prompts.flatMap(({ box, points = [] }) => [
    ...(box
      ? [
          `<rect x="${box[0]}" y="${box[1]}" width="${box[2] - box[0]}" height="${box[3] - box[1]}" fill="none" stroke="#fff" stroke-width="${stroke}"/>`,
        ]
      : []),
    ...points.map(
      ([x, y, label]) =>
        `<circle cx="${x}" cy="${y}" r="${stroke * 3}" fill="${label === 1 ? "#0c0" : "#e00"}" stroke="#fff" stroke-width="${stroke}"/>`,
    ),
  ]);
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${shapes.join("")}</svg>`;
  await sharp(data)
    .composite([...layers, { input: Buffer.from(svg) }])
    .toFile(to);
}
