import { MaskwrightError } from "../../client/errors.ts";
import { signal } from "@preact/signals";
import { api, send, signedIn } from "./client.ts";

export interface Session {
  key: { id: string; name: string; scopes: string[] };
}

/** Who is signed in, and what the key may do. */
export const session = signal<Session | null>(null);

/** The key goes to the server once, which answers with a cookie that no script can read; it is kept nowhere here. */
export async function signIn(key: string): Promise<void> {
  const answer = await send("POST", "/v1/session", { json: { key } });
  session.value = (await answer.json()) as Session;
  signedIn.value = true;
}

export async function signOut(): Promise<void> {
  await api.remove("/v1/session").catch(() => {});
  signedIn.value = false;
}

/** Asks whether the cookie of an earlier visit still holds. */
export async function resume(): Promise<void> {
  try {
    session.value = await api.get<Session>("/v1/session");
    signedIn.value = true;
  } catch (error) {
    if (error instanceof MaskwrightError && error.status === 401) return;
    setTimeout(() => void resume(), 1500);
  }
}

let paths: Promise<Set<string>> | undefined;

/** Whether this server has a route: what it lacks is not shown. */
export async function offers(path: string): Promise<boolean> {
  paths ??= api
    .get<{ paths: Record<string, unknown> }>("/openapi.json")
    .then((document) => new Set(Object.keys(document.paths)))
    .catch((error: unknown) => {
      paths = undefined;
      throw error;
    });
  return (await paths).has(path);
}
