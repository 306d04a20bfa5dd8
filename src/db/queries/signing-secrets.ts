import { randomBytes } from "node:crypto";
import { eq } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { signingSecrets } from "../schema/index.ts";

/** The secret of this name, made by whoever asks first: 256 random bits in base64url. */
export async function signingSecret(db: Executor, name: string): Promise<string> {
  const find = async () => {
    const [row] = await db
      .select({ secret: signingSecrets.secret })
      .from(signingSecrets)
      .where(eq(signingSecrets.name, name));
    return row?.secret;
  };
  const known = await find();
  if (known !== undefined) return known;
  const secret = randomBytes(32).toString("base64url");
  await db.insert(signingSecrets).values({ name, secret }).onConflictDoNothing();
  return (await find()) ?? secret;
}
