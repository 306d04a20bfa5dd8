import { useState } from "preact/hooks";
import { all, api } from "../api/client.ts";
import type { Webhook } from "../api/types.ts";
import { useLoad } from "../state/load.ts";
import { attempt, toast } from "../state/toasts.ts";
import { Form, TextField } from "../ui/form.tsx";
import { Await, Button, Code, Dialog, Head } from "../ui/parts.tsx";
import { Deliveries } from "./webhooks/deliveries.tsx";

type NewWebhook = Webhook & { secret: string | null };

const events = [
  "fine_tune.queued",
  "fine_tune.started",
  "fine_tune.succeeded",
  "fine_tune.failed",
  "fine_tune.cancelled",
  "import.succeeded",
  "import.failed",
  "version.promoted",
];

export function Webhooks() {
  const webhooks = useLoad(() => all<Webhook>("/v1/webhooks"), []);
  const [asking, setAsking] = useState(false);
  const [made, setMade] = useState<NewWebhook | null>(null);
  return (
    <>
      <Head
        title="Webhooks"
        actions={
          <Button kind="primary" icon="plus" onClick={() => setAsking(true)}>
            New webhook
          </Button>
        }
      >
        This server tells yours what has happened, signed as standardwebhooks.com says.
      </Head>
      <Await of={webhooks}>
        {(list) =>
          list.length === 0 ? (
            <p class="muted">None yet: nobody is told.</p>
          ) : (
            <ul class="timeline">
              {list.map((webhook) => (
                <li key={webhook.id}>
                  <WebhookCard webhook={webhook} onMade={setMade} onChange={webhooks.reload} />
                </li>
              ))}
            </ul>
          )
        }
      </Await>
      {asking && (
        <Ask
          onClose={() => setAsking(false)}
          onMade={(webhook) => {
            setAsking(false);
            setMade(webhook);
            webhooks.reload();
          }}
        />
      )}
      {made?.secret != null && (
        <Dialog title="The webhook's secret" onClose={() => setMade(null)}>
          <p>It signs every message. Copy it now: it is shown this once.</p>
          <Code text={made.secret} label="The secret" />
        </Dialog>
      )}
    </>
  );
}

function WebhookCard({
  webhook,
  onMade,
  onChange,
}: {
  webhook: Webhook;
  onMade: (webhook: NewWebhook) => void;
  onChange: () => void;
}) {
  const [tested, setTested] = useState(0);
  const path = `/v1/webhooks/${webhook.id}`;
  const test = (): Promise<boolean> =>
    attempt(async () => {
      await api.post(`${path}/test`, {});
      setTested((count) => count + 1);
    }, "A test message is on its way.");
  const rotate = (): Promise<boolean> =>
    attempt(async () => onMade(await api.post<NewWebhook>(`${path}/rotate-secret`, {})));
  const toggle = (): Promise<boolean> =>
    attempt(async () => {
      await api.patch(path, { enabled: !webhook.enabled });
      onChange();
    });
  const remove = (): Promise<boolean> =>
    attempt(async () => {
      await api.remove(path);
      onChange();
    }, "The webhook is gone.");
  return (
    <section class="card stack-s">
      <div class="row between">
        <h2 class="mono wrap">{webhook.url}</h2>
        <span class={`badge ${webhook.enabled ? "good" : ""}`}>{webhook.enabled ? "on" : "off"}</span>
      </div>
      <p class="muted small">
        {webhook.events.length === 0 ? "All events" : webhook.events.join(", ")}
        {webhook.project_id === null ? "" : `, of project ${webhook.project_id}`}
      </p>
      <div class="row">
        <Button onClick={test}>Send a test</Button>
        <Button onClick={rotate}>Rotate secret</Button>
        <Button onClick={toggle}>{webhook.enabled ? "Switch off" : "Switch on"}</Button>
        <Button kind="danger" onClick={remove}>
          Delete
        </Button>
      </div>
      <Deliveries key={tested} path={path} />
    </section>
  );
}

function Ask({ onClose, onMade }: { onClose: () => void; onMade: (webhook: NewWebhook) => void }) {
  const [url, setUrl] = useState("https://");
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const create = (): Promise<boolean> =>
    attempt(async () =>
      onMade(await api.post<NewWebhook>("/v1/webhooks", { url: url.trim(), events: chosen })),
    );
  const submit = () => (URL.canParse(url.trim()) ? create() : toast("This is no URL.", { bad: true }));
  const toggle = (event: string): void =>
    setChosen(chosen.includes(event) ? chosen.filter((one) => one !== event) : [...chosen, event]);
  return (
    <Dialog title="New webhook" onClose={onClose}>
      <Form submit="Make webhook" onSubmit={submit} onCancel={onClose}>
        <TextField label="URL" mono type="url" required value={url} onText={setUrl}>
          <small>https, at a public address.</small>
        </TextField>
        <fieldset class="stack-s">
          <legend class="legend">Events; none chosen: all</legend>
          <div class="chips">
            {events.map((event) => (
              <button
                key={event}
                type="button"
                class="chip"
                aria-pressed={chosen.includes(event)}
                onClick={() => toggle(event)}
              >
                {event}
              </button>
            ))}
          </div>
        </fieldset>
      </Form>
    </Dialog>
  );
}
