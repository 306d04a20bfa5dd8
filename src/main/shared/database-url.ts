import type { Config } from "../../config.ts";
import { messageOf } from "../../lib/errors.ts";

/**
 * Where the database is, for the programs that have none of their own: DATABASE_URL as it stands, or made from the
 * secret that DATABASE_SECRET_ARN names. The secret is read once: after it was rotated, start the process anew.
 * Throws an Error that names the setting.
 */
export async function databaseUrlOf(config: Config): Promise<string> {
  if (config.DATABASE_URL !== undefined) return config.DATABASE_URL;
  const arn = config.DATABASE_SECRET_ARN;
  if (arn === undefined) {
    throw new Error("DATABASE_URL is not set: this program needs a Postgres (npm start brings its own).");
  }
  try {
    return urlOfSecret(await readSecret(arn, config.S3_REGION));
  } catch (cause) {
    throw new Error(`DATABASE_SECRET_ARN names a secret that can't be used: ${messageOf(cause)}`, { cause });
  }
}

/** Amazon's client is loaded only where it is needed. */
async function readSecret(arn: string, fallbackRegion: string): Promise<string> {
  const { SecretsManagerClient, GetSecretValueCommand } = await import("@aws-sdk/client-secrets-manager");
  // arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME
  const client = new SecretsManagerClient({ region: arn.split(":")[3] || fallbackRegion });
  try {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: arn }));
    if (SecretString === undefined) throw new Error("it holds no text");
    return SecretString;
  } finally {
    client.destroy();
  }
}

/**
 * A URL from what RDS keeps in its secrets: JSON with username, password, host, port and dbname. TLS is asked for, and
 * the server's certificate checked.
 */
export function urlOfSecret(secret: string): string {
  const fields = JSON.parse(secret) as Record<string, unknown>;
  const field = (name: string): string => {
    const value = fields[name];
    if (typeof value !== "string" && typeof value !== "number") throw new Error(`it has no ${name}`);
    return encodeURIComponent(String(value));
  };
  const where = `${field("host")}:${field("port")}/${field("dbname")}`;
  return `postgres://${field("username")}:${field("password")}@${where}?sslmode=verify-full`;
}
