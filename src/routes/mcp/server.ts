import { type CallToolResult, ProtocolError, ProtocolErrorCode, Server } from "@modelcontextprotocol/server";
import { onErrorIn } from "../http/deleted-meanwhile.ts";
import { accessTo } from "../http/access.ts";
import { requireScope } from "../http/auth.ts";
import { jsonSchemaOf } from "./json-schema.ts";
import { type Asked, type Tool } from "./tool.ts";
import { tools } from "./tools.ts";

const instructions =
  "maskwright segments images with Segment Anything, and with versions of it that were fine-tuned on a project's own masks. " +
  "Start with list_projects. predict makes masks for boxes, points or label names; ask it for an overlay to see them. " +
  "start_fine_tune makes a new version in the background; get_fine_tune tells how far it is and how the version did on " +
  "images that it had not seen. Coordinates are pixels of the original image, origin top left. " +
  "A refusal is JSON with a stable `code`, a `message` that says what is allowed, and the argument at fault in `param`.";

const named: ReadonlyMap<string, Tool> = new Map(tools.map((tool) => [tool.name, tool]));

/** What each tool is, as it is listed: the same for everybody, so it is made once. */
const listed = tools.map(({ name, title, description, effect, input, output }) => ({
  name,
  title,
  description,
  annotations: { title, ...effect },
  inputSchema: jsonSchemaOf(input, "input"),
  outputSchema: jsonSchemaOf(output, "output"),
}));

/** A server of the protocol for one request; it is told nothing of others. */
export function mcpServer(asked: Asked): Server {
  const server = new Server(
    { name: "maskwright", title: "maskwright", version: "1" },
    { capabilities: { tools: {} }, instructions },
  );
  server.setRequestHandler("tools/list", () => ({ tools: listed }));
  server.setRequestHandler("tools/call", async ({ params }) => callTool(asked, params));
  return server;
}

/** What a tool answers; what it refuses is an answer as well, with the body that the API has for it. */
async function callTool(
  asked: Asked,
  { name, arguments: given }: { name: string; arguments?: unknown },
): Promise<CallToolResult> {
  const tool = named.get(name);
  if (!tool) {
    const message = `There is no tool ${name}; these are: ${[...named.keys()].join(", ")}.`;
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, message);
  }
  const { c, services } = asked;
  const log = (failed: boolean): void => c.get("log").info({ tool: name, failed }, "tool");
  try {
    requireScope(c.get("caller"), accessTo(tool.route));
    const { answer, picture } = await tool.call(asked, given);
    log(false);
    return {
      content: [{ type: "text", text: JSON.stringify(answer) }, ...(picture ? [imageOf(picture)] : [])],
      structuredContent: answer,
    };
  } catch (error) {
    log(true);
    const told = await onErrorIn(services.db)(error as Error, c);
    return { content: [{ type: "text", text: await told.text() }], isError: true };
  }
}

const imageOf = (jpeg: Uint8Array) => ({
  type: "image" as const,
  data: Buffer.from(jpeg).toString("base64"),
  mimeType: "image/jpeg",
});
