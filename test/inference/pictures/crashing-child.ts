/** What decodes pictures in pictures.test.ts, and crashes as native code does. */

export async function facts(): Promise<never> {
  process.abort();
}

export const mask = facts;
