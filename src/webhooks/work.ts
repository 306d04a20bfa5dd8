import { changeWebhook, type Webhook } from "../db/queries/webhooks.ts";
import { failDelivery, logAttempt, selectQueuedDelivery } from "../db/queries/webhook-deliveries.ts";
import type { Database } from "../db/client.ts";
import type { Log } from "../lib/log.ts";
import type { Queue } from "../queue/queue.ts";
import { deliver } from "./deliver.ts";

export interface WebhookServices {
  readonly db: Database;
  readonly log: Log;
}

/** One receiver that is slow holds up no more than its own messages' slots. */
const concurrency = 8;
const timeoutMs = 10_000;

/** Takes messages to webhooks from the queue, whose retries and back-off are theirs. */
export async function workWebhooks(
  services: WebhookServices,
  queue: Queue,
  options: { allowPrivate: boolean },
): Promise<void> {
  const { db } = services;
  await queue.work("webhook", async ({ id, signal }) => runDelivery(services, id, { ...options, signal }), {
    concurrency,
    onExhausted: async ({ id }) => failDelivery(db, id),
  });
}

/** One try at one message. Rejects when the queue shall try again. */
async function runDelivery(
  { db, log }: WebhookServices,
  id: string,
  options: { allowPrivate: boolean; signal: AbortSignal },
): Promise<void> {
  const found = await selectQueuedDelivery(db, id);
  if (!found) return;
  const { delivery, webhook } = found;
  if (!webhook.enabled) return failDelivery(db, id);
  const message = { id, url: webhook.url, payload: delivery.payload, secrets: secretsOf(webhook) };
  const attempt = await deliver(message, { ...options, timeoutMs });
  // What a stopping process broke off says nothing of the receiver.
  options.signal.throwIfAborted();
  if (attempt.error === null) return logAttempt(db, id, { attempt, status: "delivered" });
  if (attempt.status === 410) {
    // By the specification: the receiver is gone for good and wants no more.
    await logAttempt(db, id, { attempt, status: "failed" });
    await changeWebhook(db, webhook, { enabled: false });
    log.warn({ webhook: webhook.id }, "a webhook's receiver is gone; it is switched off");
    return;
  }
  await logAttempt(db, id, { attempt, status: "queued" });
  throw new Error(attempt.error);
}

function secretsOf({ secret, previousSecret, previousSecretUntil }: Webhook): string[] {
  const valid = previousSecret !== null && previousSecretUntil !== null && previousSecretUntil > new Date();
  return valid ? [secret, previousSecret] : [secret];
}
