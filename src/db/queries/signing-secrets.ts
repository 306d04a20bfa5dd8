import { randomBytes } from "node:crypto";
import { newSigningKey } from "../../lib/model-signature.ts";
import { eq } from "../drizzle.ts";
import type { Executor } from "../client.ts";
import { signingSecrets } from "../schema/index.ts";

const randomSecret = (): string => randomBytes(32).toString("base64url");

/** The secret of this name, made by whoever asks first: 256 random bits in base64url, where nothing else is made. */
export async function signingSecret(db: Executor, name: string, make = randomSecret): Promise<string> {
  const find = async () => {
    const [row] = await db
      .select({ secret: signingSecrets.secret })
      .from(signingSecrets)
      .where(eq(signingSecrets.name, name));
    return row?.secret;
  };
  const known = await find();
  if (known !== undefined) return known;
  const secret = make();
  await db.insert(signingSecrets).values({ name, secret }).onConflictDoNothing();
  return (await find()) ?? secret;
}

/** The installation's private key for models, PKCS 8 in PEM; see lib/model-signature.ts. */
export const modelKey = (db: Executor): Promise<string> => signingSecret(db, "models", newSigningKey);
