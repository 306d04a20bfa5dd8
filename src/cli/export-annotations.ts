import { writeFile } from "node:fs/promises";
import { number, oneOf, parse } from "./arguments.ts";
import type { Command } from "./command.ts";

const formats = ["coco", "yolo", "label_studio", "cvat", "voc", "labelme"] as const;
const shapes = ["masks", "polygons"] as const;

/** A project's annotations as a file of another tool. */
export const exportAnnotationsCommand: Command = async ({ args, api }) => {
  const { values, positionals } = parse(args, ["PROJECT"], {
    format: { type: "string", default: "coco" },
    shapes: { type: "string" },
    "polygon-tolerance": { type: "string" },
    output: { type: "string", short: "o" },
  });
  const [project] = positionals as [string];
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
