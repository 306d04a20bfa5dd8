import { createHmac, randomBytes } from "node:crypto";

const prefix = "whsec_";

/** A new signing secret: `whsec_` and 32 random bytes in base64. */
export const generateSecret = (): string => prefix + randomBytes(32).toString("base64");

/**
 * The headers that let a receiver know who sent a message and when, one signature for each secret that is valid now.
 * Source: standardwebhooks.com, specification 1.0: HMAC-SHA256 over `id.timestamp.body`, key and signature in base64.
 */
export function signedHeaders(
  message: { id: string; body: string; at: Date },
  secrets: readonly string[],
): Record<string, string> {
  const timestamp = String(Math.floor(message.at.getTime() / 1000));
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(prefix.length), "base64");
    const signed = createHmac("sha256", key).update(`${message.id}.${timestamp}.${message.body}`);
    return `v1,${signed.digest("base64")}`;
  });
  return {
    "webhook-id": message.id,
    "webhook-timestamp": timestamp,
    "webhook-signature": signatures.join(" "),
  };
}
