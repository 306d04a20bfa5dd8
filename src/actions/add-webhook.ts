import type { Database } from "../db/client.ts";
import { getProject } from "../db/queries/projects.ts";
import { countWebhooks, insertWebhook, type Webhook } from "../db/queries/webhooks.ts";
import { AppError } from "../lib/errors.ts";
import { newId } from "../lib/ids.ts";
import { generateSecret } from "../webhooks/sign.ts";

/** A workspace's webhooks, so that one event stays a few messages. */
const mostWebhooks = 20;

/** Adds a webhook with a new secret. Throws AppError project_not_found, too_many_webhooks. */
export async function addWebhook(
  db: Database,
  workspaceId: string,
  asked: Pick<Webhook, "url" | "events" | "enabled" | "projectId">,
): Promise<Webhook> {
  const { projectId } = asked;
  if (projectId !== null) await getProject(db, { workspaceId, projectId });
  if ((await countWebhooks(db, workspaceId)) >= mostWebhooks)
    throw new AppError("too_many_webhooks", `A workspace has at most ${mostWebhooks} webhooks.`);
  return insertWebhook(db, { ...asked, id: newId("wh"), workspaceId, secret: generateSecret() });
}
