import type { ComponentChildren } from "preact";

/** A column's heading: of texts, of numbers, or one that only a screen reader tells. */
export type Column = string | { readonly number: string } | { readonly unseen: string };

const Heading = ({ of }: { of: Column }) => {
  if (typeof of === "string") return <th scope="col">{of}</th>;
  if ("number" in of)
    return (
      <th scope="col" class="num">
        {of.number}
      </th>
    );
  return (
    <th scope="col">
      <span class="visually-hidden">{of.unseen}</span>
    </th>
  );
};

/** Rows under their headings, in a region of its own name that scrolls where the page is narrow. */
export const Table = ({
  label,
  columns,
  card = false,
  children,
}: {
  label: string;
  columns?: readonly Column[];
  /** Whether it stands on the page by itself. */
  card?: boolean;
  children: ComponentChildren;
}) => (
  <div class={card ? "card table-wrap" : "table-wrap"} tabIndex={0} role="region" aria-label={label}>
    <table class="table">
      {columns && (
        <thead>
          <tr>
            {columns.map((column, i) => (
              <Heading key={i} of={column} />
            ))}
          </tr>
        </thead>
      )}
      <tbody>{children}</tbody>
    </table>
  </div>
);
