import {
  Client as NewClient,
  StreamableHTTPClientTransport as NewTransport,
} from "@modelcontextprotocol/client";
import { Client as OldClient } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as OldTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import type { Client, TestApp } from "../helpers/app.ts";

/** Agents by the Model Context Protocol's own clients; what they send goes to the app without a network. */

type Json = Record<string, unknown>;

export interface ToolResult {
  readonly isError?: boolean;
  readonly content: readonly { type: string; text?: string; data?: string; mimeType?: string }[];
  readonly structuredContent?: Json;
}

export interface ListedTool {
  readonly name: string;
  readonly description?: string;
  readonly inputSchema: Json;
  readonly outputSchema?: Json;
  readonly annotations?: Json;
}

export interface Agent {
  /** Rejects for an error of the protocol, and where the answer is not as the tool's output schema says. */
  call(name: string, given?: Json): Promise<ToolResult>;
  list(): Promise<ListedTool[]>;
  /** The protocol's version that both sides speak. */
  version(): string | undefined;
  close(): Promise<void>;
}

const url = new URL("http://localhost/mcp");
const about = { name: "test", version: "1" };

function agentOf(client: NewClient | OldClient): Omit<Agent, "version"> {
  return {
    call: async (name, given = {}) => (await client.callTool({ name, arguments: given })) as ToolResult,
    list: async () => (await client.listTools()).tools,
    close: async () => client.close(),
  };
}

const optionsOf = ({ app }: TestApp, { key }: Client) => ({
  requestInit: { headers: { authorization: `Bearer ${key}` } },
  fetch: async (to: string | URL, init?: RequestInit) => app.request(String(to), init),
});

/** By the protocol's version. */
export const connect = {
  "2026-07-28": async (app: TestApp, who: Client): Promise<Agent> => {
    const client = new NewClient(about, { versionNegotiation: { mode: "auto" } });
    await client.connect(new NewTransport(url, optionsOf(app, who)));
    return { ...agentOf(client), version: () => client.getNegotiatedProtocolVersion() };
  },
  "2025-11-25": async (app: TestApp, who: Client): Promise<Agent> => {
    const client = new OldClient(about);
    const transport = new OldTransport(url, optionsOf(app, who));
    await client.connect(transport);
    return { ...agentOf(client), version: () => transport.protocolVersion };
  },
};

/** What tests compare of what a tool refuses: the API's code and field. */
export function refusalOf({ isError, content }: ToolResult): string {
  if (!isError) return "none";
  const { error } = JSON.parse(content[0]?.text ?? "{}") as { error?: { code: string; param?: string } };
  return [error?.code, error?.param].filter((part) => part !== undefined).join(" ");
}
