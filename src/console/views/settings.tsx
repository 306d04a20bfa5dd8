import { useState } from "preact/hooks";
import { api } from "../api/client.ts";
import type { Project } from "../api/types.ts";
import { baseText } from "../state/base-choice.ts";
import { go } from "../state/router.ts";
import { dateTime } from "../state/text.ts";
import { attempt } from "../state/toasts.ts";
import { Choice, Form, TextField } from "../ui/form.tsx";
import { Button, Dialog, Head } from "../ui/parts.tsx";
import type { InProject } from "./in-project.ts";

const policies = [
  [
    "auto",
    "If it is surely better",
    "The 95 % interval of its gain over the untuned model lies above zero, and it beats what is live.",
  ],
  ["manual", "Never by itself", "Somebody presses Promote."],
  ["always", "Always", "Whatever was measured."],
] as const;

export function Settings({ project, reload }: InProject) {
  const [name, setName] = useState(project.name);
  const [policy, setPolicy] = useState(project.promotion_policy);
  const [asking, setAsking] = useState(false);
  const save = (): Promise<boolean> =>
    attempt(async () => {
      await api.patch<Project>(`/v1/projects/${project.id}`, { name: name.trim(), promotion_policy: policy });
      reload();
    }, "Saved.");
  return (
    <>
      <Head title="Settings" />
      <Form kind="card narrow" submit="Save" disabled={name.trim() === ""} onSubmit={save}>
        <TextField label="Name" value={name} required maxLength={200} onText={setName} />
        <fieldset class="stack-s">
          <legend class="legend">When does a new version go live?</legend>
          {policies.map(([value, title, text]) => (
            <Choice
              key={value}
              name="policy"
              value={value}
              title={title}
              text={text}
              checked={policy === value}
              onChange={() => setPolicy(value)}
            />
          ))}
        </fieldset>
      </Form>
      <section class="card stack-s narrow">
        <h2>Facts</h2>
        <p class="small">
          <span class="muted">Id</span> <code>{project.id}</code>
        </p>
        <p class="small">
          <span class="muted">Base model</span> {baseText(project.base_model, project.base_choice)}
        </p>
        <p class="small">
          <span class="muted">Made</span> {dateTime(project.created_at)}
        </p>
      </section>
      <section class="card stack-s narrow">
        <h2>Delete the project</h2>
        <p class="muted small">Images, masks, fine-tunes and versions go with it. There is no way back.</p>
        <div>
          <Button kind="danger" icon="trash" onClick={() => setAsking(true)}>
            Delete …
          </Button>
        </div>
      </section>
      {asking && <Delete project={project} onClose={() => setAsking(false)} />}
    </>
  );
}

function Delete({ project, onClose }: { project: Project; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const remove = (): Promise<boolean> =>
    attempt(async () => {
      await api.remove(`/v1/projects/${project.id}`);
      go("#/");
    }, "The project is gone.");
  return (
    <Dialog title={`Delete ${project.name}?`} onClose={onClose}>
      <TextField label="Type the project's name" value={typed} onText={setTyped} />
      <div class="row">
        <Button kind="danger" disabled={typed !== project.name} onClick={remove}>
          Delete for ever
        </Button>
        <Button onClick={onClose}>Keep it</Button>
      </div>
    </Dialog>
  );
}
