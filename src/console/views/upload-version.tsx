import { useRef, useState } from "preact/hooks";
import { upload } from "../api/client.ts";
import type { Version } from "../api/types.ts";
import { attempt, toast } from "../state/toasts.ts";
import { Button } from "../ui/parts.tsx";

/** Sends a file of weights, which becomes a version that is not live; what was left out of it is told. */
export function UploadVersion({ path, done }: { path: string; done: () => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [sent, setSent] = useState<number | null>(null);
  const send = async (file: File): Promise<void> => {
    setSent(0);
    await attempt(async () => {
      const version = await upload<Version>(path, file, {
        type: "application/octet-stream",
        onProgress: setSent,
        signal: new AbortController().signal,
      });
      toast([`${file.name} is version ${version.number}.`, ...(version.imported?.notes ?? [])].join(" "));
      done();
    });
    setSent(null);
  };
  return (
    <>
      <Button icon="upload" disabled={sent !== null} onClick={() => input.current?.click()}>
        {sent === null ? "Upload weights" : sent < 1 ? `Sent ${Math.floor(100 * sent)} %` : "Reading"}
      </Button>
      <input
        ref={input}
        class="visually-hidden"
        type="file"
        accept=".safetensors,.pth,.pt,.bin,.ckpt,.onnx,.zip"
        aria-label="A file of weights to upload as a version"
        tabIndex={-1}
        onChange={(event) => {
          const [file] = event.currentTarget.files ?? [];
          if (file) void send(file);
          event.currentTarget.value = "";
        }}
      />
    </>
  );
}
