/** Pieces of a model card. */
export const section = (title: string, body: string): string => `## ${title}\n\n${body}`;

/** Rows without a value are left out. */
export const list = (rows: readonly (readonly [string, string | number | null])[]): string =>
  rows
    .filter(([, value]) => value !== null)
    .map(([key, value]) => `- ${key}: ${value}`)
    .join("\n");

export const code = (text: string): string => `\`${text}\``;
export const codeBlock = (value: unknown): string => `\`\`\`json\n${JSON.stringify(value, null, 2)}\n\`\`\``;

export const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

/** Shares as they are read: three digits. */
export const share = (value: number): string => value.toFixed(3);
