/** The rows of the log, newest first: drawn where one looks, walked through by the arrow keys. */

import { useVirtualizer } from "@tanstack/react-virtual";
import { type KeyboardEvent, type Ref, useEffect, useRef, useState } from "react";
import { COLUMNS } from "./columns";
import type { Exchange } from "./pairing";

const ROW_PX = 38;
const TOP_PX = 40;
const NEAR_THE_END = 20;

export interface LogTableProps {
  rows: readonly Exchange[];
  now: number;
  onOpen: (row: Exchange) => void;
  /** Told when one scrolls away from the newest, or back to it. */
  onAway: (away: boolean) => void;
  /** Told when one comes near the oldest. */
  onEnd: () => void;
}

export function LogTable({ rows, now, onOpen, onAway, onEnd }: LogTableProps) {
  const frame = useRef<HTMLDivElement>(null);
  const [chosen, setChosen] = useState<number | null>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => frame.current,
    estimateSize: () => ROW_PX,
    getItemKey: (index) => rows[index]?.seq ?? index,
    overscan: 10,
  });
  const seen = virtual.getVirtualItems();
  const last = seen.at(-1)?.index ?? 0;
  useEffect(() => {
    if (last >= rows.length - NEAR_THE_END) onEnd();
  }, [last, rows.length, onEnd]);

  const focus = (index: number) => {
    const row = rows[index];
    if (!row) return;
    setChosen(row.seq);
    virtual.scrollToIndex(index);
    requestAnimationFrame(() =>
      frame.current?.querySelector<HTMLElement>(`[data-seq="${row.seq}"]`)?.focus(),
    );
  };
  const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 };
  const pressed = (event: KeyboardEvent, index: number) => {
    const row = rows[index];
    const step = steps[event.key];
    if (step) focus(Math.min(Math.max(index + step, 0), rows.length - 1));
    else if (event.key === "Enter" && row) onOpen(row);
    else return;
    event.preventDefault();
  };
  const entry = rows.some(({ seq }) => seq === chosen) ? chosen : (rows[0]?.seq ?? null);
  return (
    <div
      ref={frame}
      className="scroll many log"
      onScroll={({ currentTarget }) => onAway(currentTarget.scrollTop > TOP_PX)}
    >
      <table role="grid" aria-label="Messages" aria-rowcount={rows.length + 1}>
        <thead role="rowgroup">
          <tr role="row">
            {COLUMNS.map(({ id, head, width }) => (
              <th key={id} scope="col" role="columnheader" style={{ width }}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          <Space height={seen[0]?.start ?? 0} />
          {seen.map(({ index, key }) => {
            const row = rows[index];
            if (!row) return null;
            return (
              <LogRow
                key={key}
                ref={virtual.measureElement}
                row={row}
                index={index}
                now={now}
                isEntry={row.seq === entry}
                onOpen={onOpen}
                onFocus={setChosen}
                onKeyDown={pressed}
              />
            );
          })}
          <Space height={virtual.getTotalSize() - (seen.at(-1)?.end ?? 0)} />
        </tbody>
      </table>
    </div>
  );
}

function Space({ height }: { height: number }) {
  if (height <= 0) return null;
  return (
    <tr className="space" aria-hidden="true">
      <td colSpan={COLUMNS.length} style={{ height }} />
    </tr>
  );
}

interface LogRowProps {
  row: Exchange;
  index: number;
  now: number;
  /** Whether the tabulator leads here. */
  isEntry: boolean;
  onOpen: (row: Exchange) => void;
  onFocus: (seq: number) => void;
  onKeyDown: (event: KeyboardEvent, index: number) => void;
  ref: Ref<HTMLTableRowElement>;
}

function LogRow({ row, index, now, isEntry, onOpen, onFocus, onKeyDown, ref }: LogRowProps) {
  return (
    <tr
      ref={ref}
      role="row"
      className="leads"
      tabIndex={isEntry ? 0 : -1}
      data-seq={row.seq}
      data-index={index}
      aria-rowindex={index + 2}
      onClick={() => onOpen(row)}
      onFocus={() => onFocus(row.seq)}
      onKeyDown={(event) => onKeyDown(event, index)}
    >
      {COLUMNS.map(({ id, head, cell }) => (
        <td key={id} role="gridcell" data-head={head}>
          {cell(row, now)}
        </td>
      ))}
    </tr>
  );
}
