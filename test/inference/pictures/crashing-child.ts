/** What decodes pictures in pictures.test.ts, and crashes as native code does. */
export const cost = async (): Promise<number> => 1;

export async function facts(): Promise<never> {
  process.abort();
}

export const mask = facts;
