import { useState } from "preact/hooks";
import type { Import } from "../../api/types.ts";
import { whyFailed } from "../../state/example.ts";
import { number, plural } from "../../state/text.ts";
import { forget, type ImportChoices, sendAgain, type Upload } from "../../state/uploads.ts";
import { Button, Notice } from "../../ui/parts.tsx";
import { ImportOptions } from "./import-options.tsx";

/** Labels and notes that are shown; the rest is counted. */
const mostShown = 12;

/** What is in a zip, before any of it is stored: to be imported, looked into in another way, or left. */
export function ImportCheck({ upload }: { upload: Upload }) {
  const { id, file, looked } = upload;
  const [choices, setChoices] = useState<ImportChoices>(upload.choices);
  if (!looked) return null;
  const path = `/v1/projects/${upload.projectId}/imports/${looked.id}`;
  const isChanged = JSON.stringify(choices) !== JSON.stringify(upload.choices);
  const fails = looked.status === "failed";
  return (
    <section class="card stack import-check" aria-label={`Check ${file.name}`}>
      <h2>{file.name}</h2>
      {fails && <Notice kind="bad">{whyFailed(looked)}</Notice>}
      {looked.summary && <Facts looked={looked} />}
      {looked.summary && looked.summary.images > 0 && (
        <img
          class="import-picture"
          src={`${path}/picture`}
          alt="Six images with the masks that were found over them"
        />
      )}
      <LeftOut looked={looked} path={path} />
      {(looked.notes ?? []).length > 0 && (
        <ul class="notes small" aria-label="Decided on the way">
          {(looked.notes ?? []).slice(0, mostShown).map(({ code, message }) => (
            <li key={code}>{message}</li>
          ))}
        </ul>
      )}
      <ImportOptions choices={choices} onChange={setChoices} />
      <div class="row">
        {isChanged ? (
          <Button kind="primary" onClick={() => sendAgain(id, true, choices)} children="Look again" />
        ) : (
          <Button
            kind="primary"
            disabled={fails}
            onClick={() => sendAgain(id, false, choices)}
            children="Import"
          />
        )}
        <Button onClick={() => forget(id)} children="Cancel" />
      </div>
    </section>
  );
}

function Facts({ looked: { layout, summary } }: { looked: Import }) {
  if (!summary) return null;
  const { images, annotations, background_images: empty, labels, parts } = summary;
  const named = labels
    .slice(0, mostShown)
    .map(({ label, count }) => `${label ?? "no label"} (${number(count)})`);
  if (labels.length > mostShown) named.push(`${number(labels.length - mostShown)} more`);
  const split = Object.entries(parts).filter(([, count]) => count > 0);
  const rows: [string, string][] = [
    ["Recognised as", layout ?? "images"],
    ["Images", number(images) + (empty > 0 ? `, ${number(empty)} of them known to hold nothing` : "")],
    ["Objects", number(annotations)],
    ...(named.length > 0 ? ([["Labels", named.join(", ")]] as [string, string][]) : []),
    ...(split.length > 0
      ? ([["Its own parts", split.map(([part, count]) => `${part} ${number(count)}`).join(", ")]] as [
          string,
          string,
        ][])
      : []),
  ];
  return (
    <dl class="facts">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt class="muted">{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function LeftOut({ looked, path }: { looked: Import; path: string }) {
  const skipped = looked.skipped ?? [];
  if (skipped.length === 0) return looked.summary ? <p class="muted">Nothing is left out.</p> : null;
  const count = skipped.reduce((sum, one) => sum + one.count, 0);
  return (
    <div class="stack-s">
      <p>
        <b>{plural(count, "thing is", "things are")} left out.</b>{" "}
        <a href={`${path}/report?format=csv`} download>
          All of them (CSV)
        </a>
      </p>
      <ul class="notes" aria-label="Left out">
        {skipped.map(({ count: own, reason }) => (
          <li key={reason}>
            <b class="nums">{number(own)}</b> left out: {reason}
          </li>
        ))}
      </ul>
    </div>
  );
}
