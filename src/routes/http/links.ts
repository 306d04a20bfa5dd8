import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { sign, verify } from "hono/jwt";
import { signingSecret } from "../../db/queries/signing-secrets.ts";
import { AppError } from "../../lib/errors.ts";
import type { ObjectLink } from "../../storage/links.ts";
import type { Env, RouteContext } from "./env.ts";
import { iso, timeText } from "./scope.ts";

/** How long a link to read or to write lasts. */
export const linkSeconds = 3600;

export const linkSchema = z
  .object({
    object: z.literal("link"),
    method: z.enum(["GET", "PUT"]),
    url: z
      .string()
      .openapi({ description: "Gives access to one object to anyone who has it, without a key." }),
    headers: z
      .record(z.string(), z.string())
      .openapi({ description: "Must be sent with the request exactly as given." }),
    expires_at: timeText,
  })
  .openapi("Link");

export const toLink = (link: ObjectLink): z.output<typeof linkSchema> => ({
  object: "link",
  method: link.method,
  url: link.url,
  headers: { ...link.headers },
  expires_at: iso(new Date(Date.now() + linkSeconds * 1000)),
});

/** What a link of ours says; it is signed, so nobody else can say so. */
const claims = z.discriminatedUnion("method", [
  z.object({ method: z.literal("GET"), key: z.string(), type: z.string(), name: z.string() }),
  z.object({
    method: z.literal("PUT"),
    key: z.string(),
    type: z.string(),
    bytes: z.int(),
    sha256: z.string(),
  }),
]);
type Claims = z.output<typeof claims>;

const secretName = "links";

/** A link that this API itself answers, for stores that clients can't reach: a token signed as a JWT, HS256. */
async function ownLink(c: Context<Env>, { db }: RouteContext, says: Claims): Promise<ObjectLink> {
  const exp = Math.floor(Date.now() / 1000) + linkSeconds;
  const token = await sign({ ...says, exp }, await signingSecret(db, secretName), "HS256");
  const headers: Record<string, string> = says.method === "PUT" ? { "content-type": says.type } : {};
  return { method: says.method, url: new URL(`/v1/links/${token}`, c.req.url).href, headers };
}

/** Throws AppError link_invalid: it was tampered with, its time is over, or it is for another method. */
export async function readOwnLink<Method extends Claims["method"]>(
  { db }: RouteContext,
  token: string,
  method: Method,
): Promise<Extract<Claims, { method: Method }>> {
  const secret = await signingSecret(db, secretName);
  const payload = await verify(token, secret, "HS256").catch((cause: unknown) => {
    throw new AppError(
      "link_invalid",
      `This link is none of ours, or its time is over: links last ${linkSeconds / 60} minutes; ask for a new one.`,
      { cause },
    );
  });
  const says = claims.parse(payload);
  if (says.method !== method) throw new AppError("link_invalid", `This link is for ${says.method}.`);
  return says as Extract<Claims, { method: Method }>;
}

export async function linkToRead(
  c: Context<Env>,
  services: RouteContext,
  key: string,
  { contentType, fileName }: { contentType: string; fileName: string },
): Promise<ObjectLink> {
  const { links } = services.store;
  if (links) return links.read(key, { seconds: linkSeconds, contentType, fileName });
  return ownLink(c, services, { method: "GET", key, type: contentType, name: fileName });
}

export async function linkToWrite(
  c: Context<Env>,
  services: RouteContext,
  key: string,
  { contentType, bytes, sha256 }: { contentType: string; bytes: number; sha256: string },
): Promise<ObjectLink> {
  const { links } = services.store;
  if (links) return links.write(key, { seconds: linkSeconds, contentType, bytes, sha256 });
  return ownLink(c, services, { method: "PUT", key, type: contentType, bytes, sha256 });
}
