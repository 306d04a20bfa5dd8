import { MaskwrightError } from "../../client/errors.ts";
import { useState } from "preact/hooks";
import { signIn } from "../api/session.ts";
import { messageOf } from "../state/text.ts";
import { Form, TextField } from "../ui/form.tsx";
import { Notice } from "../ui/parts.tsx";

export function SignIn() {
  const [key, setKey] = useState("");
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const submit = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      await signIn(key.trim());
    } catch (thrown) {
      const wrong = thrown instanceof MaskwrightError && thrown.status === 401;
      setError(wrong ? "This key is not known, or it was revoked." : messageOf(thrown));
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="sign-in">
      <Form kind="card" submit="Sign in" disabled={busy} onSubmit={submit}>
        <div class="stack-s">
          <span class="brand">
            <img src="/favicon.svg" alt="" />
            maskwright
          </span>
          <h1>Your own Segment Anything</h1>
          <p class="muted">
            Sign in with an API key. The server's first start shows one: it begins with mw_.
          </p>
        </div>
        <TextField
          label="API key"
          mono
          type="password"
          name="key"
          autocomplete="current-password"
          placeholder="mw_…"
          value={key}
          required
          onText={setKey}
        />
        {error !== undefined && (
          <Notice kind="bad">
            <p>{error}</p>
          </Notice>
        )}
        <p class="muted small">
          The key goes to this server once and becomes a session cookie that no script can read. It is not
          kept in this browser.
        </p>
      </Form>
    </main>
  );
}
