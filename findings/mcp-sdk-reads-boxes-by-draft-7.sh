#!/usr/bin/env bash
# @modelcontextprotocol/sdk 1.32.2: its client holds a tool's answer to the tool's output schema, and reads that as JSON Schema
# draft 7, even where the schema names 2020-12. There a box of four numbers is `prefixItems` with `items: false`, as zod
# 4.6.7 writes its tuples; draft 7 knows no `prefixItems`, and `items: false` forbids every entry. So each right answer with
# a box or a point in it is thrown away ("data/box/0 boolean schema is false"). A plain list with minItems and maxItems
# passes. Exits with 1 when that has changed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @modelcontextprotocol/sdk@1.32.2 zod@4.6.7 >/dev/null
cat > check.mjs <<'JS'
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { InMemoryTransport } from "@modelcontextprotocol/sdk/inMemory.js";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { CallToolRequestSchema, ListToolsRequestSchema } from "@modelcontextprotocol/sdk/types.js";
import { z } from "zod";

const tuple = z.toJSONSchema(z.object({ box: z.tuple([z.number(), z.number(), z.number(), z.number()]) }));
const { $schema: _dialect, ...unnamed } = tuple;
const list = {
  type: "object",
  properties: { box: { type: "array", items: { type: "number" }, minItems: 4, maxItems: 4 } },
  required: ["box"],
};

async function answer(outputSchema) {
  const server = new Server({ name: "s", version: "1" }, { capabilities: { tools: {} } });
  const tool = { name: "predict", inputSchema: { type: "object" }, outputSchema };
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: [tool] }));
  server.setRequestHandler(CallToolRequestSchema, () => ({
    content: [],
    structuredContent: { box: [10, 20, 30, 40] },
  }));
  const client = new Client({ name: "c", version: "1" });
  const [a, b] = InMemoryTransport.createLinkedPair();
  try {
    await Promise.all([server.connect(a), client.connect(b)]);
    await client.listTools();
    const { structuredContent } = await client.callTool({ name: "predict" });
    return `taken: ${JSON.stringify(structuredContent)}`;
  } catch (error) {
    return `refused: ${error.message}`;
  } finally {
    await client.close();
  }
}

console.log("zod writes", JSON.stringify(tuple));
const seen = {
  "as zod writes it": await answer(tuple),
  "without $schema": await answer(unnamed),
  "a list of four": await answer(list),
};
for (const [how, what] of Object.entries(seen)) console.log(`  ${how}: ${what}`);
const [asWritten, unnamedToo, asList] = Object.values(seen).map((what) => what.startsWith("refused"));
process.exit(asWritten && unnamedToo && !asList ? 0 : 1);
JS
node check.mjs
