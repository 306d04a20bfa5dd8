import { useState } from "preact/hooks";
import { all, api } from "../api/client.ts";
import type { Overview, Project } from "../api/types.ts";
import { startExample } from "../state/example.ts";
import { useLoad } from "../state/load.ts";
import { go, href } from "../state/router.ts";
import { ago, plural, signed, versionName } from "../state/text.ts";
import { attempt } from "../state/toasts.ts";
import { Choice, Form, TextField } from "../ui/form.tsx";
import { Await, Bar, Button, Dialog, Head } from "../ui/parts.tsx";
import { Icon } from "../ui/icon.tsx";
import { thumbnailUrl } from "./annotate/picture.ts";

export function Projects() {
  const projects = useLoad(() => all<Project>("/v1/projects"), []);
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Head
        title="Projects"
        actions={
          <Button kind="primary" icon="plus" onClick={() => setAsking(true)}>
            New project
          </Button>
        }
      >
        A project is one kind of image and what you want cut out of it.
      </Head>
      <Await of={projects}>
        {(list) =>
          list.length === 0 ? (
            <FirstRun onNew={() => setAsking(true)} />
          ) : (
            <>
              <ul class="projects">
                {list.map((project) => (
                  <li key={project.id}>
                    <ProjectCard project={project} />
                  </li>
                ))}
              </ul>
              <ExampleButton kind="quiet" text="Add the example project" />
            </>
          )
        }
      </Await>
      {asking && <NewProject onClose={() => setAsking(false)} />}
    </>
  );
}

function ProjectCard({ project }: { project: Project }) {
  const overview = useLoad(
    (signal) => api.get<Overview>(`/v1/projects/${project.id}/overview`, signal),
    [project.id],
  ).data;
  const live = overview?.live;
  const gain = live?.tuned_iou == null || live.base_iou === null ? null : live.tuned_iou - live.base_iou;
  return (
    <a class="project-card" href={href("projects", project.id, "images")}>
      <div class="cover">
        {overview?.cover_image_id ? (
          <img src={thumbnailUrl(project.id, overview.cover_image_id, 640)} alt="" loading="lazy" />
        ) : (
          <Icon name="upload" />
        )}
      </div>
      <div class="project-text">
        <h2>{project.name}</h2>
        <p class="muted small nums">
          {overview
            ? `${plural(overview.images, "image")} · ${plural(overview.annotations, "annotation")}`
            : " "}
        </p>
        <p class="row">
          <span class={`badge ${live ? "good" : ""}`}>
            {live && <span class="dot" />}
            {versionName(project.active_version)} live
          </span>
          {gain !== null && <span class="badge good nums">{signed(gain)} IoU</span>}
          <span class="muted small">{ago(project.created_at)}</span>
        </p>
      </div>
    </a>
  );
}

function FirstRun({ onNew }: { onNew: () => void }) {
  return (
    <section class="first-run">
      <div class="stack">
        <span class="badge info">First run</span>
        <h2>See it learn</h2>
        <p class="muted">
          The example has 30 scanned pages with ink stamps and a mask for each. Two clicks: one makes the
          project, the next fine-tunes it. Then compare the untuned model with yours.
        </p>
        <ExampleButton kind="primary large" text="Open the example project" />
      </div>
      <div class="stack">
        <span class="badge">Your own images</span>
        <h2>Start with your images</h2>
        <ol class="steps muted">
          <li>Drop images, or a zip with masks or a COCO file.</li>
          <li>Click on what you want; accept the mask with Enter.</li>
          <li>Press Fine-tune. Three annotated images are the least.</li>
        </ol>
        <Button kind="large" icon="plus" onClick={onNew}>
          New project
        </Button>
      </div>
    </section>
  );
}

function ExampleButton({ kind, text }: { kind: string; text: string }) {
  const [step, setStep] = useState<{ text: string; share: number }>();
  if (step) {
    return (
      <div class="stack-s" role="status">
        <p class="small">{step.text}</p>
        <Bar share={step.share} label={step.text} />
      </div>
    );
  }
  const start = async (): Promise<void> => {
    const fine = await attempt(async () => {
      const id = await startExample((now, share) => setStep({ text: now, share }));
      go(href("projects", id, "fine-tune"));
    });
    if (!fine) setStep(undefined);
  };
  return (
    <div>
      <Button kind={kind} icon="spark" onClick={start}>
        {text}
      </Button>
    </div>
  );
}

function NewProject({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [auto, setAuto] = useState(false);
  const create = async (): Promise<void> => {
    await attempt(async () => {
      const project = await api.post<Project>("/v1/projects", { name, ...(auto && { base_model: "auto" }) });
      go(href("projects", project.id, "images"));
    });
  };
  return (
    <Dialog title="New project" onClose={onClose}>
      <Form submit="Create project" disabled={name.trim() === ""} onSubmit={create} onCancel={onClose}>
        <TextField
          label="Name"
          value={name}
          required
          maxLength={200}
          placeholder="Stamps on letters"
          onText={setName}
        />
        <Choice
          title="Choose the base model by my masks"
          text="The first fine-tune tries those of this installation and keeps the best."
          checked={auto}
          onChange={() => setAuto(!auto)}
        />
      </Form>
    </Dialog>
  );
}
