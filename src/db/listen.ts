import postgres from "postgres";
import type { Log } from "../lib/log.ts";

/** Every channel that a trigger of migrations/ notifies; the payload is an id. */
export const channels = {
  /** A fine-tune waits to be started. */
  fineTunes: "maskwright_fine_tunes",
  /** The status of a fine-tune is another one. */
  fineTuneChanged: "maskwright_fine_tune_changed",
  /** A fine-tune has a new event; the payload is the fine-tune's id. */
  fineTuneEvents: "maskwright_fine_tune_events",
  /** An import waits to be started. */
  imports: "maskwright_imports",
  /** The status of an import is another one. */
  importChanged: "maskwright_import_changed",
  /** A message to a webhook waits to be delivered. */
  webhookDeliveries: "maskwright_webhook_deliveries",
  /** A preview waits to be started. */
  previews: "maskwright_fine_tune_previews",
  /** The status of an auto-label is another one: it waits to be started, or has ended. */
  autoLabels: "maskwright_auto_labels",
} as const;

export type Channel = (typeof channels)[keyof typeof channels];

/**
 * Called with an id when its row was written, and with null when anything may have happened: at the
 * subscription itself and after every reconnect. A notification is a hint; look in the table.
 */
export type OnHint = (id: string | null) => void;

/** One connection that listens for the whole process; it reconnects by itself. */
export interface Listener {
  /** Resolves when the channel is listened to, after `onHint(null)`. Call the answer to end it. */
  watch(channel: Channel, onHint: OnHint): Promise<() => void>;
  close(): Promise<void>;
}

export function createListener(options: { databaseUrl: string; log: Log }): Listener {
  const { log } = options;
  // postgres.js keeps one connection for all its channels, and re-subscribes when that was lost.
  const sql = postgres(options.databaseUrl, {
    max: 1,
    onnotice: () => {},
    // Seconds until the next try; its own back-off grows to 20 s.
    backoff: (attempt) => Math.min(0.1 * 2 ** attempt, 2),
    connection: { application_name: "maskwright listener" },
  });
  const watchers = new Map<Channel, { callbacks: Set<OnHint>; listening: Promise<unknown> }>();

  const tell = (callbacks: Set<OnHint>, id: string | null): void => {
    for (const callback of callbacks) {
      try {
        callback(id);
      } catch (error) {
        log.error({ error }, "a watcher of a channel failed");
      }
    }
  };

  const subscribe = (channel: Channel) => {
    const callbacks = new Set<OnHint>();
    const listening = sql.listen(
      channel,
      (id) => tell(callbacks, id),
      () => tell(callbacks, null),
    );
    const entry = { callbacks, listening };
    watchers.set(channel, entry);
    listening.catch(() => watchers.delete(channel));
    return entry;
  };

  return {
    async watch(channel, onHint) {
      const known = watchers.get(channel);
      const entry = known ?? subscribe(channel);
      if (!known) entry.callbacks.add(onHint);
      await entry.listening;
      if (known) {
        entry.callbacks.add(onHint);
        onHint(null);
      }
      return () => entry.callbacks.delete(onHint);
    },
    close: () => sql.end({ timeout: 2 }),
  };
}
