/** The rows of a table: all of them where they are few, else those that one looks at. */

import { useVirtualizer, type VirtualItem } from "@tanstack/react-virtual";
import { type MouseEvent, type ReactNode, type Ref, useRef } from "react";
import type { Column } from "./Table";

/** A row and its key, as the table sorted them. */
export interface Line<Row> {
  id: string;
  original: Row;
}

export interface BodyProps<Row> {
  label: string;
  lines: readonly Line<Row>[];
  columns: readonly Column<Row>[];
  height: string | undefined;
  rowHeight: number;
  onRow: ((row: Row) => void) | undefined;
  rowClass: ((row: Row) => string | undefined) | undefined;
  heads: ReactNode;
  choice: ReactNode;
}

// So many are drawn at once without being felt.
const FEW = 100;
const FRAME = { role: "region", tabIndex: 0 } as const;

export function Body<Row>(props: BodyProps<Row>) {
  return (
    <>
      {props.choice}
      {props.lines.length <= FEW ? <Plain {...props} /> : <Virtual {...props} />}
    </>
  );
}

function Plain<Row>({ label, lines, height, heads, ...rest }: BodyProps<Row>) {
  return (
    <div
      {...FRAME}
      aria-label={label}
      className={rest.columns.some(({ width }) => width) ? "scroll laid" : "scroll"}
      style={height ? { maxHeight: height } : undefined}
    >
      <table role="table" aria-label={label}>
        {heads}
        <tbody role="rowgroup">
          {lines.map((line) => (
            <Drawn key={line.id} line={line} {...rest} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Virtual<Row>({
  label,
  lines,
  height = "75vh",
  rowHeight,
  heads,
  ...rest
}: BodyProps<Row>) {
  const frame = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => frame.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => lines[index]?.id ?? index,
    overscan: 8,
  });
  const seen = virtual.getVirtualItems();
  const before = seen[0]?.start ?? 0;
  const after = virtual.getTotalSize() - (seen.at(-1)?.end ?? 0);
  return (
    <div {...FRAME} aria-label={label} ref={frame} className="scroll laid many" style={{ height }}>
      <table role="table" aria-label={label} aria-rowcount={lines.length + 1}>
        {heads}
        <tbody role="rowgroup">
          <Space height={before} columns={rest.columns.length} />
          {seen.map((item) => (
            <Seen
              key={item.key}
              item={item}
              line={lines[item.index]}
              measure={virtual.measureElement}
              {...rest}
            />
          ))}
          <Space height={after} columns={rest.columns.length} />
        </tbody>
      </table>
    </div>
  );
}

function Space({ height, columns }: { height: number; columns: number }) {
  if (height <= 0) return null;
  return (
    <tr className="space" aria-hidden="true">
      <td colSpan={columns} style={{ height }} />
    </tr>
  );
}

type RowProps<Row> = Pick<BodyProps<Row>, "columns" | "onRow" | "rowClass">;

function Seen<Row>({
  item,
  line,
  measure,
  ...rest
}: RowProps<Row> & {
  item: VirtualItem;
  line: Line<Row> | undefined;
  measure: Ref<HTMLTableRowElement>;
}) {
  if (!line) return null;
  return <Drawn line={line} index={item.index} ref={measure} {...rest} />;
}

function Drawn<Row>({
  line: { original },
  index,
  ref,
  columns,
  onRow,
  rowClass,
}: RowProps<Row> & {
  line: Line<Row>;
  index?: number;
  ref?: Ref<HTMLTableRowElement>;
}) {
  const names = [onRow ? "leads" : "", rowClass?.(original) ?? ""].filter(Boolean).join(" ");
  return (
    <tr
      role="row"
      ref={ref}
      className={names || undefined}
      onClick={onRow ? (event) => clicked(event) && onRow(original) : undefined}
      {...(index === undefined ? {} : { "aria-rowindex": index + 2, "data-index": index })}
    >
      {columns.map(({ id, head, cell, align }) => (
        <td key={id} role="cell" className={align} data-head={head}>
          {cell(original)}
        </td>
      ))}
    </tr>
  );
}

/** Tell whether a click was meant for the row, and not for what is in it or for its text. */
function clicked(event: MouseEvent): boolean {
  const within = (event.target as Element).closest("a, button, input, select, label, summary");
  return within === null && !window.getSelection()?.toString();
}
