import { useState } from "preact/hooks";
import { all, api } from "../api/client.ts";
import { session } from "../api/session.ts";
import type { Key } from "../api/types.ts";
import { useLoad } from "../state/load.ts";
import { ago, dateTime } from "../state/text.ts";
import { attempt } from "../state/toasts.ts";
import { Choice, Form, TextField } from "../ui/form.tsx";
import { Await, Button, Code, Dialog, Head } from "../ui/parts.tsx";
import { Table } from "../ui/table.tsx";

type NewKey = Key & { key: string | null };

const scopes = [
  ["read", "Look at everything"],
  ["predict", "Segment images"],
  ["annotate", "Images, masks, imports, projects"],
  ["train", "Fine-tune, promote, roll back"],
  ["admin", "All of it, keys, deleting projects"],
] as const;

export function Keys() {
  const keys = useLoad(() => all<Key>("/v1/keys"), []);
  const [asking, setAsking] = useState(false);
  const [made, setMade] = useState<NewKey | null>(null);
  return (
    <>
      <Head
        title="Keys"
        actions={
          <Button kind="primary" icon="plus" onClick={() => setAsking(true)}>
            New key
          </Button>
        }
      >
        Programs send one as a bearer token. Only its hash is kept here.
      </Head>
      <Await of={keys}>
        {(list) => (
          <Table
            card
            label="Keys"
            columns={["Name", "Begins with", "May", "Last used", "Ends", { unseen: "Actions" }]}
          >
            {list.map((key) => (
              <KeyRow key={key.id} apiKey={key} onMade={setMade} onChange={keys.reload} />
            ))}
          </Table>
        )}
      </Await>
      {asking && (
        <Ask
          onClose={() => setAsking(false)}
          onMade={(key) => {
            setAsking(false);
            setMade(key);
            keys.reload();
          }}
        />
      )}
      {made?.key != null && (
        <Dialog title={`The key ${made.name}`} onClose={() => setMade(null)}>
          <p>Copy it now: it is shown this once.</p>
          <Code text={made.key} label="The new key" />
        </Dialog>
      )}
    </>
  );
}

function KeyRow({
  apiKey,
  onMade,
  onChange,
}: {
  apiKey: Key;
  onMade: (key: NewKey) => void;
  onChange: () => void;
}) {
  const mine = session.value?.key.id === apiKey.id;
  const rotate = (): Promise<boolean> =>
    attempt(async () => {
      onMade(await api.post<NewKey>(`/v1/keys/${apiKey.id}/rotate`, {}));
      onChange();
    }, "The old one opens for another day.");
  const revoke = (): Promise<boolean> =>
    attempt(async () => {
      await api.remove(`/v1/keys/${apiKey.id}`);
      onChange();
    }, `${apiKey.name} opens nothing any more.`);
  return (
    <tr>
      <td>
        {apiKey.name} {mine && <span class="badge info">this session</span>}
      </td>
      <td class="mono small">{apiKey.hint}…</td>
      <td>{apiKey.scopes.join(", ")}</td>
      <td class="muted">{apiKey.last_used_at === null ? "never" : ago(apiKey.last_used_at)}</td>
      <td class="muted">{apiKey.expires_at === null ? "–" : dateTime(apiKey.expires_at)}</td>
      <td>
        <span class="row nowrap">
          <Button onClick={rotate}>Rotate</Button>
          {!mine && (
            <Button kind="danger" onClick={revoke}>
              Revoke
            </Button>
          )}
        </span>
      </td>
    </tr>
  );
}

function Ask({ onClose, onMade }: { onClose: () => void; onMade: (key: NewKey) => void }) {
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState<readonly string[]>(["read", "predict"]);
  const create = (): Promise<boolean> =>
    attempt(async () => onMade(await api.post<NewKey>("/v1/keys", { name: name.trim(), scopes: chosen })));
  const toggle = (scope: string): void =>
    setChosen(chosen.includes(scope) ? chosen.filter((one) => one !== scope) : [...chosen, scope]);
  return (
    <Dialog title="New key" onClose={onClose}>
      <Form
        submit="Make key"
        disabled={name.trim() === "" || chosen.length === 0}
        onSubmit={create}
        onCancel={onClose}
      >
        <TextField label="Name" required maxLength={200} value={name} onText={setName} />
        <fieldset class="stack-s">
          <legend class="legend">It may</legend>
          {scopes.map(([scope, text]) => (
            <Choice
              key={scope}
              title={scope}
              text={text}
              checked={chosen.includes(scope)}
              onChange={() => toggle(scope)}
            />
          ))}
        </fieldset>
      </Form>
    </Dialog>
  );
}
