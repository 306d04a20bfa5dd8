import { all, api } from "../api/client.ts";
import type { Page, Promotion, Version } from "../api/types.ts";
import { useLoad } from "../state/load.ts";
import { href } from "../state/router.ts";
import { ago, dateTime, score, signed, versionName } from "../state/text.ts";
import { attempt } from "../state/toasts.ts";
import { Await, Button, Head, LinkButton } from "../ui/parts.tsx";
import { Table } from "../ui/table.tsx";
import { PromoteButton } from "./result.tsx";
import { UploadVersion } from "./upload-version.tsx";
import type { InProject } from "./in-project.ts";

export function Versions({ project, reload }: InProject) {
  const path = `/v1/projects/${project.id}`;
  const live = project.active_version;
  const versions = useLoad(() => all<Version>(`${path}/versions`), [project.id, live]);
  const audit = useLoad(
    (signal) => api.get<Page<Promotion>>(`${path}/promotions?limit=100`, signal),
    [project.id, live],
  );
  const rollBack = (): Promise<boolean> =>
    attempt(async () => {
      const row = await api.post<Promotion>(`${path}/rollback`, { reason: "in the console" });
      reload();
      return row;
    }, "Rolled back to what was live before.");
  return (
    <>
      <Head
        title="Versions"
        actions={
          <>
            <UploadVersion path={`${path}/versions`} done={versions.reload} />
            <LinkButton icon="compare" href={href("projects", project.id, "compare")}>
              Compare
            </LinkButton>
            {live !== null && (
              <Button icon="undo" onClick={rollBack}>
                Roll back
              </Button>
            )}
          </>
        }
      >
        Each fine-tune makes one, and so does a file of weights; any of them can be live, and every change is
        written down.
      </Head>
      <Await of={versions}>
        {(list) => (
          <ol class="timeline" aria-label="Versions, newest first">
            {list.map((version) => (
              <VersionRow key={version.number} project={project} reload={reload} version={version} />
            ))}
            <li class={`version ${live === null ? "live" : ""}`}>
              <span class="version-name">base</span>
              <div class="grow">
                <p class="row">
                  <b>The untuned model</b>
                  {live === null && <LiveBadge />}
                </p>
                <p class="muted small">{project.base_model}</p>
              </div>
              {live !== null && <PromoteButton project={project} reload={reload} number="base" />}
            </li>
          </ol>
        )}
      </Await>
      <Await of={audit}>{({ data }) => <Audit rows={data} />}</Await>
    </>
  );
}

const LiveBadge = () => (
  <span class="badge good">
    <span class="dot" />
    live
  </span>
);

function VersionRow({ project, reload, version }: InProject & { version: Version }) {
  const { metrics, number } = version;
  const live = project.active_version === number;
  const scores = metrics?.held_out;
  return (
    <li class={`version ${live ? "live" : ""}`}>
      <a class="version-name" href={href("projects", project.id, "versions", number)}>
        v{number}
      </a>
      <div class="grow">
        <p class="row">
          {scores ? (
            <b class="nums">
              IoU {score(scores.base.mean_iou)} → {score(scores.tuned.mean_iou)}
            </b>
          ) : (
            <b>Imported</b>
          )}
          {scores && (
            <span class={`badge nums ${scores.tuned.mean_iou > scores.base.mean_iou ? "good" : "bad"}`}>
              {signed(scores.tuned.mean_iou - scores.base.mean_iou)}
            </span>
          )}
          {live && <LiveBadge />}
        </p>
        <p class="muted small">
          {ago(version.created_at)}
          {scores && `, measured on ${scores.annotations} masks of ${scores.images} images`}
          {version.parent_version !== null && `, continues v${version.parent_version}`}
          {!live && metrics?.gate && !metrics.gate.promote && `. Not live by itself: ${metrics.gate.reason}`}
        </p>
      </div>
      <div class="row">
        <LinkButton href={href("projects", project.id, "versions", number)}>Details</LinkButton>
        {!live && <PromoteButton project={project} reload={reload} number={number} />}
      </div>
    </li>
  );
}

const verbs = { promote: "promoted", rollback: "rolled back", auto: "went live by itself" };

function Audit({ rows }: { rows: readonly Promotion[] }) {
  if (rows.length === 0) return null;
  return (
    <section class="card stack-s">
      <h2>What was live when</h2>
      <Table label="What was live when" columns={["When", "Change", "By", "Why"]}>
        {rows.map((row) => (
          <tr key={row.id}>
            <td class="muted when">{dateTime(row.created_at)}</td>
            <td>
              {versionName(row.from_version)} → <b>{versionName(row.to_version)}</b>{" "}
              <span class="muted small">{verbs[row.kind]}</span>
            </td>
            <td class="mono small">{row.actor}</td>
            <td class="small">{row.reason}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}
