import { writeFile } from "node:fs/promises";
import { number, oneOf, parse } from "./arguments.ts";
import type { BucketExport } from "../client/index.ts";
import { placeOf } from "./bucket-place.ts";
import type { Answer, Call, Command } from "./command.ts";
import { CliError } from "./errors.ts";
import { bar, Live } from "./screen.ts";

const formats = ["coco", "yolo", "label_studio", "cvat", "voc", "labelme"] as const;
const shapes = ["masks", "polygons"] as const;

/** A project's annotations as a file of another tool. */
export const exportAnnotationsCommand: Command = async ({ args, json, streams, api }) => {
  const { values, positionals } = parse(args, ["PROJECT"], {
    format: { type: "string", default: "coco" },
    shapes: { type: "string" },
    "polygon-tolerance": { type: "string" },
    output: { type: "string", short: "o" },
    to: { type: "string" },
  });
  const [project] = positionals as [string];
  if (values.to !== undefined)
    return exportToBucket({ json, streams, api }, project, values.to, values.shapes);
  const format = oneOf("--format", formats, values.format);
  const tolerance = values["polygon-tolerance"];
  const file = values.output ?? (format === "coco" ? "annotations.json" : `annotations-${format}.zip`);
  const client = await api();
  const data = await client.get("/v1/projects/{project_id}/annotations/export", {
    params: {
      path: { project_id: project },
      query: {
        format,
        ...(values.shapes !== undefined && { shapes: oneOf("--shapes", shapes, values.shapes) }),
        ...(tolerance !== undefined && { polygon_tolerance: number("--polygon-tolerance", tolerance) }),
      },
    },
  });
  const blob = data instanceof Blob ? data : new Blob([JSON.stringify(data)]);
  await writeFile(file, blob.stream());
  return { text: `wrote ${file} (${blob.size} bytes)`, data: { file, bytes: blob.size } };
};

/** Has the service write images and their COCO file to a bucket, some images at a time. */
async function exportToBucket(
  { json, streams, api }: Pick<Call, "json" | "streams" | "api">,
  project: string,
  to: string,
  asked: string | undefined,
): Promise<Answer> {
  const place = placeOf(to);
  if (!place) throw new CliError("usage", `--to takes s3://BUCKET/PREFIX, not ${to}.`);
  const client = await api();
  const live = new Live(streams.err, !json);
  const counts = { images_written: 0, images_there: 0, images_renamed: 0 };
  try {
    for (let cursor: string | null = null; ;) {
      const step: BucketExport = await client.post("/v1/projects/{project_id}/annotations:bucket", {
        params: { path: { project_id: project } },
        body: {
          ...place,
          images: true,
          shapes: asked === undefined ? "masks" : oneOf("--shapes", shapes, asked),
          ...(cursor !== null && { cursor }),
        },
      });
      for (const name of ["images_written", "images_there", "images_renamed"] as const)
        counts[name] += step[name];
      const done = counts.images_written + counts.images_there;
      live.draw([bar("exporting", done, step.images_total, `${done}/${step.images_total} images`)]);
      cursor = step.next_cursor;
      if (cursor !== null) continue;
      const { images_written: written, images_there: there, images_renamed: renamed } = counts;
      const note = renamed === 0 ? "" : `, ${renamed} under their ids, as their names are no paths`;
      const text = `wrote ${written} images (${there} were there${note}) and s3://${place.bucket}/${step.file}`;
      return { text, data: { ...step, ...counts } };
    }
  } finally {
    live.clear();
  }
}
