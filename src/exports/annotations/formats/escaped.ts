const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
};

/** A text for XML, between tags or in double quotes. */
export const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (one) => entities[one] as string);
