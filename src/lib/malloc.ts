/**
 * Environment that lets glibc give back what a picture or a body took, where it would keep pieces of up to 32 MB for the
 * next. tools/run.mjs sets the same for what serves. Source: mallopt(3).
 */
export const givesBack = { MALLOC_MMAP_THRESHOLD_: "1048576", MALLOC_TRIM_THRESHOLD_: "4194304" } as const;

/** An environment without it: pieces that come and go with every training step are quicker kept. */
export const keepingPieces = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(env).filter(([name, value]) => givesBack[name as keyof typeof givesBack] !== value),
  );
