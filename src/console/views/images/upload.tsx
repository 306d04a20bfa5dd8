import { useEffect, useRef, useState } from "preact/hooks";
import { number, plural } from "../../state/text.ts";
import {
  addFiles,
  clearEnded,
  pause,
  paused,
  retryFailed,
  type Upload,
  uploads,
} from "../../state/uploads.ts";
import { Icon } from "../../ui/icon.tsx";
import { Bar, Button } from "../../ui/parts.tsx";
import { ImportCheck } from "./import-check.tsx";

const accepted =
  "image/jpeg,image/png,image/webp,image/tiff,.jpg,.jpeg,.jfif,.png,.webp,.tif,.tiff,.bmp,.gif,.avif,.heic,.heif,.jp2,.j2k,.dcm,.zip,application/zip,.parquet";

/** Files can be dropped anywhere on the page; the box says so and opens the file chooser. */
export function DropZone({ projectId, small }: { projectId: string; small: boolean }) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    const carriesFiles = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
    addEventListener(
      "dragover",
      (event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        setOver(true);
      },
      { signal },
    );
    addEventListener("dragleave", (event) => event.relatedTarget === null && setOver(false), { signal });
    addEventListener(
      "drop",
      (event) => {
        if (!carriesFiles(event)) return;
        event.preventDefault();
        setOver(false);
        addFiles(projectId, event.dataTransfer?.files ?? []);
      },
      { signal },
    );
    return () => stop.abort();
  }, [projectId]);
  return (
    <div class={`drop ${small ? "small" : ""} ${over ? "over" : ""}`}>
      <Icon name="upload" />
      <p>
        <b>{over ? "Let go to upload" : "Drop images or zips here"}</b>
        <span class="muted small">
          JPEG, PNG, WebP, TIFF and more; zips of images with masks, or with annotations of COCO, YOLO, CVAT,
          Label Studio, LabelMe and others. A zip is shown before it is imported.
        </span>
      </p>
      <Button onClick={() => input.current?.click()}>Choose files</Button>
      <input
        ref={input}
        class="visually-hidden"
        type="file"
        multiple
        accept={accepted}
        aria-label="Images or zips to upload"
        tabIndex={-1}
        onChange={(event) => {
          addFiles(projectId, event.currentTarget.files ?? []);
          event.currentTarget.value = "";
        }}
      />
    </div>
  );
}

export function UploadList({ projectId }: { projectId: string }) {
  const all = uploads.value.filter((one) => one.projectId === projectId);
  const checks = all.filter(({ status }) => status === "asking");
  const mine = all.filter(({ status }) => status !== "asking");
  return (
    <>
      {checks.map((one) => (
        <ImportCheck key={one.id} upload={one} />
      ))}
      {mine.length > 0 && <Sent mine={mine} />}
    </>
  );
}

function Sent({ mine }: { mine: readonly Upload[] }) {
  const failed = mine.filter(({ status }) => status === "failed");
  const ended = mine.filter(({ status }) => status === "done" || status === "failed");
  const share = mine.reduce((sum, one) => sum + (one.status === "failed" ? 1 : one.share), 0) / mine.length;
  const running = ended.length < mine.length;
  return (
    <section class="card tight stack-s" aria-label="Uploads">
      <div class="row between">
        <p class="nums" role="status">
          <b>
            {ended.length - failed.length} of {plural(mine.length, "file")} uploaded
          </b>
          {failed.length > 0 && <span class="badge bad">{failed.length} failed</span>}
        </p>
        <div class="row">
          {running && !paused.value && <Button kind="quiet" icon="pause" onClick={pause} children="Pause" />}
          {running && paused.value && (
            <Button kind="quiet" icon="play" onClick={() => (paused.value = false)} children="Resume" />
          )}
          {failed.length > 0 && <Button kind="quiet" onClick={retryFailed} children="Try failed again" />}
          {!running && <Button kind="quiet" onClick={clearEnded} children="Close" />}
        </div>
      </div>
      <Bar share={share} label="All uploads" />
      <ul class="uploads">
        {mine
          .filter((one) => one.status !== "done" || mine.length <= 6 || one.note !== "Uploaded")
          .slice(0, 50)
          .map((one) => (
            <UploadRow key={one.id} upload={one} />
          ))}
      </ul>
    </section>
  );
}

const said = {
  waiting: "Waiting",
  sending: "Uploading",
  looking: "Looking",
  asking: "Looked into",
  importing: "Importing",
  done: "Done",
  failed: "Failed",
};

const UploadRow = ({ upload }: { upload: Upload }) => (
  <li>
    <span class="tile-name" title={upload.file.name}>
      {upload.file.name}
    </span>
    {upload.status === "failed" ? (
      <span class="upload-error">{upload.note}</span>
    ) : (
      <Bar share={upload.share} label={upload.file.name} />
    )}
    <span class="muted small">{upload.status === "done" ? upload.note : said[upload.status]}</span>
    {upload.skipped.length > 0 && (
      <ul class="upload-skipped" aria-label={`Left out of ${upload.file.name}`}>
        {upload.skipped.map(({ count, reason }) => (
          <li key={reason}>
            <b class="nums">{number(count)}</b> left out: {reason}
          </li>
        ))}
      </ul>
    )}
  </li>
);
