import { gzipSync } from "node:zlib";
import type { Outgoing, Row, World } from "../types.ts";
import { inFirst, json, listBy, listOf, MB, once, same } from "./make.ts";

/** What the other files have no place for: heads, lists, other programs' messages. */
const row = (name: string, make: (world: World) => Outgoing, more: Pick<Row, "times"> = {}): Row => ({
  kind: "body",
  name,
  ...more,
  make: async (world) => Promise.resolve(same(make(world))),
});

const got = (world: World, path: string, headers: Record<string, string> = {}): Outgoing => ({
  method: "GET",
  path: `/v1/projects/${world.project(0)}/${path}`,
  headers,
});

/** 30 MB of JSON as 30 kB. */
const packed = once(() => gzipSync(Buffer.from(`{"image":"${"a".repeat(30 * MB)}"}`)));

const ranges = (count: number): string =>
  `bytes=${Array.from({ length: count }, (_, i) => `${2 * i}-${2 * i}`).join(",")}`;

const message = (method: string, params: string): Buffer =>
  Buffer.from(`{"jsonrpc":"2.0","id":1,"method":"${method}","params":${params}}`);

const mcp = (body: Buffer): Outgoing => ({
  path: "/mcp",
  body,
  headers: { accept: "application/json, text/event-stream" },
});

export const odd: readonly Row[] = [
  row("`predict` as gzip of 30 MB of one text", (world) => ({
    ...inFirst(world, "predict", packed()),
    headers: { "content-encoding": "gzip" },
  })),
  row("the bytes of 8000 x 8000 in 1,500 ranges", (world) =>
    got(world, `images/${world.image("flat").id}/content`, { range: ranges(1500) }),
  ),
  row("the bytes of 8000 x 8000 unless they have one of 1,000 ETags", (world) =>
    got(world, `images/${world.image("flat").id}/content`, {
      "if-none-match": Array.from({ length: 1000 }, (_, i) => `"${i}"`).join(", "),
    }),
  ),
  row("annotations behind a cursor of 8 kB", (world) => got(world, `annotations?cursor=${"A".repeat(8000)}`)),
  row("images by a label of 8 kB and a page of 100,000", (world) =>
    got(world, `images?limit=100000&label=${"l".repeat(8000)}`),
  ),
  row("the gallery, 200 at once", (world) => got(world, "gallery?limit=100"), { times: 200 }),
  row("`webhooks` with a URL of 1 MB", () => ({
    path: "/v1/webhooks",
    body: json({ url: `https://example.com/${"a".repeat(MB)}`, events: ["fine_tune.succeeded"] }),
  })),
  row("a message to /mcp of 4 MB of names", () =>
    mcp(message("tools/call", listBy(200_000, (i) => `"k${i}":1`, "{", "}").toString())),
  ),
  row("a message to /mcp with a picture of 3 MB that is none", (world) =>
    mcp(
      message(
        "tools/call",
        `{"name":"predict","arguments":{"project_id":"${world.project(0)}","image":{"base64":"${"A".repeat(3 * MB)}"},"prompts":[{"box":[1,1,9,9]}]}}`,
      ),
    ),
  ),
  row("a message to /mcp of 40 calls in a list", (world) =>
    mcp(
      listBy(40, (i) =>
        message(
          "tools/call",
          `{"name":"list_images","arguments":{"project_id":"${world.project(i)}"}}`,
        ).toString(),
      ),
    ),
  ),
  row("`prewarm` with 30 MB of images", (world) =>
    inFirst(world, "prewarm", listOf(30 * MB, '{"id":"img_a"}', '{"images":[', "]}")),
  ),
  row("`proposals:decide` with 8 MB of ids", (world) =>
    inFirst(world, "proposals:decide", listOf(8 * MB, '"prop_a"', '{"action":"accept","ids":[', "]}")),
  ),
  row("`uploads` of a name of 10 MB", (world) =>
    inFirst(
      world,
      "uploads",
      json({ kind: "image", bytes: 10, sha256: "0".repeat(64), file_name: "n".repeat(10 * MB) }),
    ),
  ),
  row("a multipart image with 2,000 files in it", (world) => {
    const file = (i: number): string =>
      `--x\r\ncontent-disposition: form-data; name="file"; filename="${i}.png"\r\n\r\n${"a".repeat(1000)}\r\n`;
    const body = `${Array.from({ length: 2000 }, (_, i) => file(i)).join("")}--x--\r\n`;
    return { ...inFirst(world, "images", Buffer.from(body)), type: "multipart/form-data; boundary=x" };
  }),
  row("a multipart image without its end", (world) => ({
    ...inFirst(
      world,
      "images",
      Buffer.from(
        `--x\r\ncontent-disposition: form-data; name="file"; filename="a.png"\r\n\r\n${"a".repeat(20 * MB)}`,
      ),
    ),
    type: "multipart/form-data; boundary=x",
  })),
];
