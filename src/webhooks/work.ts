import { changeWebhook, type Webhook } from "../db/queries/webhooks.ts";
import { failDelivery, logAttempt, selectQueuedDelivery } from "../db/queries/webhook-deliveries.ts";
import type { Database } from "../db/client.ts";
import type { Log } from "../lib/log.ts";
import type { Queue } from "../queue/queue.ts";
import { deliver, type DeliveryOptions } from "./deliver.ts";

export interface WebhookServices {
  readonly db: Database;
  readonly log: Log;
}

/** Messages under way at once, and those of one workspace: whose receivers are dead holds up its own slots, no neighbour's. */
const concurrency = 16;
const perWorkspace = 2;
/** A receiver that is there connects at once, and has a moment longer for its answer. */
const usualTimes = { connectMs: 4_000, timeoutMs: 10_000 };

/** Takes messages to webhooks from the queue, whose retries and back-off are theirs. */
export async function workWebhooks(
  services: WebhookServices,
  queue: Queue,
  { allowPrivate, times = usualTimes }: { allowPrivate: boolean; times?: typeof usualTimes },
): Promise<void> {
  const { db } = services;
  const options = { allowPrivate, ...times };
  await queue.work("webhook", async ({ id, signal }) => runDelivery(services, id, { ...options, signal }), {
    concurrency,
    perWorkspace,
    onExhausted: async ({ id }) => failDelivery(db, id),
  });
}

/** One try at one message. Rejects when the queue shall try again. */
async function runDelivery(
  { db, log }: WebhookServices,
  id: string,
  options: DeliveryOptions,
): Promise<void> {
  const found = await selectQueuedDelivery(db, id);
  if (!found) return;
  const { delivery, webhook } = found;
  if (!webhook.enabled) return failDelivery(db, id);
  const message = { id, url: webhook.url, payload: delivery.payload, secrets: secretsOf(webhook) };
  const attempt = await deliver(message, options);
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
