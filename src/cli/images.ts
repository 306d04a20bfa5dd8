import type { ListedImage } from "../client/index.ts";
import { integer, oneOf, parse } from "./arguments.ts";
import type { Command } from "./command.ts";
import { table } from "./screen.ts";

const orders = ["newest", "worth"] as const;

/** A project's images, newest first or by what labelling them would teach. */
export const imagesCommand: Command = async ({ args, api }) => {
  const { values, positionals } = parse(args, ["PROJECT"], {
    order: { type: "string", default: "newest" },
    limit: { type: "string", default: "20" },
  });
  const order = oneOf("--order", orders, values.order);
  const limit = integer("--limit", values.limit, 1);
  const client = await api();
  const path = { project_id: positionals[0] as string };
  const data: ListedImage[] = [];
  const pages = client.all((cursor) => {
    const query = { order, limit: Math.min(100, limit), ...(cursor && { cursor }) };
    return client.get("/v1/projects/{project_id}/images", { params: { path, query } });
  });
  for await (const image of pages) {
    data.push(image);
    if (data.length === limit) break;
  }
  const rows = data.map(({ id, file_name: name, width, height, worth }) => [
    ...(order === "worth" ? [String(worth?.rank ?? "-")] : []),
    id,
    name ?? "-",
    `${width} x ${height}`,
    ...(worth ? [worth.reasons.map((reason) => reason.replaceAll("_", " ")).join(", ")] : []),
  ]);
  const head = ["id", "name", "size"];
  return { text: table([order === "worth" ? ["rank", ...head, "why"] : head, ...rows]), data };
};
