import { useEffect, useRef, useState } from "preact/hooks";
import { messageOf } from "./text.ts";

export interface Loaded<T> {
  readonly data: T | undefined;
  readonly error: string | undefined;
  /** Asks again; what is shown stays until the answer is there. */
  readonly reload: () => void;
  readonly set: (data: T) => void;
}

/** Loads when `deps` change. An answer that comes after a newer question is dropped. */
export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>, deps: readonly unknown[]): Loaded<T> {
  const [state, setState] = useState<{ data?: T; error?: string }>({});
  const [turn, setTurn] = useState(0);
  const key = JSON.stringify(deps);
  const shown = useRef(key);
  useEffect(() => {
    const stop = new AbortController();
    if (shown.current !== key) setState({});
    shown.current = key;
    load(stop.signal).then(
      (data) => stop.signal.aborted || setState({ data }),
      (error: unknown) => stop.signal.aborted || setState((old) => ({ ...old, error: messageOf(error) })),
    );
    return () => stop.abort();
  }, [key, turn]);
  return {
    data: state.data,
    error: state.error,
    reload: () => setTurn((old) => old + 1),
    set: (data) => setState({ data }),
  };
}
