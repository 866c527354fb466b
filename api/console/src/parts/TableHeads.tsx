/** What a table is sorted by: its heads, or a choice where a phone has no room for them. */

import { ArrowDown, ArrowUp } from "lucide-react";
import type { Column, Sort } from "./Table";

interface SortProps<Row> {
  columns: readonly Column<Row>[];
  sorted: Sort | null;
  become: (sort: Sort | null) => void;
}

/** Upwards first, then downwards, then as the rows came. */
function next(id: string, sorted: Sort | null): Sort | null {
  if (sorted?.id !== id) return { id, desc: false };
  return sorted.desc ? null : { id, desc: true };
}

export function Heads<Row>({ columns, sorted, become }: SortProps<Row>) {
  return (
    <thead role="rowgroup">
      <tr role="row">
        {columns.map((column) => (
          <th
            key={column.id}
            scope="col"
            role="columnheader"
            className={column.align}
            style={column.width ? { width: column.width } : undefined}
            aria-sort={ordering(column, sorted)}
          >
            {column.value ? (
              <button
                type="button"
                className="sort"
                onClick={() => become(next(column.id, sorted))}
              >
                {column.head}
                {sorted?.id === column.id &&
                  (sorted.desc ? (
                    <ArrowDown aria-hidden size={14} />
                  ) : (
                    <ArrowUp aria-hidden size={14} />
                  ))}
              </button>
            ) : (
              column.head
            )}
          </th>
        ))}
      </tr>
    </thead>
  );
}

function ordering<Row>({ id, value }: Column<Row>, sorted: Sort | null) {
  if (!value) return undefined;
  if (sorted?.id !== id) return "none";
  return sorted.desc ? "descending" : "ascending";
}

export function SortChoice<Row>({ columns, sorted, become }: SortProps<Row>) {
  const choices = columns.filter(({ value }) => value);
  if (choices.length === 0) return null;
  return (
    <label className="sort-choice">
      Sort by{" "}
      <select
        value={sorted ? `${sorted.id} ${sorted.desc ? "down" : "up"}` : ""}
        onChange={({ target }) => {
          const [id, way] = target.value.split(" ");
          become(id ? { id, desc: way === "down" } : null);
        }}
      >
        <option value="">no order</option>
        {choices.flatMap(({ id, head }) => [
          <option key={`${id} up`} value={`${id} up`}>
            {head}, upwards
          </option>,
          <option key={`${id} down`} value={`${id} down`}>
            {head}, downwards
          </option>,
        ])}
      </select>
    </label>
  );
}
