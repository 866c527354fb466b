/** A table of many rows: sorted by its heads, drawn only where one looks, cards on a phone. */

import {
  createSortedRowModel,
  type RowData,
  type Row as TableRow,
  rowSortingFeature,
  type SortingState,
  tableFeatures,
  useTable,
} from "@tanstack/react-table";
import { type ReactNode, useMemo, useState } from "react";
import { compare, sortable } from "../lib/order";
import { Body, type Line } from "./TableBody";
import { Heads, SortChoice } from "./TableHeads";

export interface Column<Row> {
  id: string;
  head: string;
  cell: (row: Row) => ReactNode;
  /** What it is sorted by; without it, it is not. */
  value?: (row: Row) => string | number | null;
  align?: "right";
  /** A CSS width. Where one column has it, and with many rows, the others share what is left. */
  width?: string;
}

export interface Sort {
  id: string;
  desc: boolean;
}

export interface TableProps<Row> {
  /** What a screen reader says that it is. */
  label: string;
  rows: readonly Row[];
  /** Made once, outside of the component or by useMemo: rows are sorted anew where they change. */
  columns: readonly Column<Row>[];
  rowKey: (row: Row) => string;
  /** Shown where there are no rows. */
  empty?: ReactNode;
  /** The most that it takes of the page, as CSS; what is more is scrolled to. */
  height?: string;
  /** How high a row is about, in px; what is drawn is measured. */
  rowHeight?: number;
  /** What a click on a row does. A cell should hold a link or a button to the same, for the keyboard. */
  onRow?: (row: Row) => void;
  rowClass?: (row: Row) => string | undefined;
  /** How it is sorted at first. */
  sort?: Sort;
  /** Told when it is sorted otherwise. */
  onSort?: (sort: Sort | null) => void;
}

const ROW_PX = 41;
const features = tableFeatures({ rowSortingFeature, sortedRowModel: createSortedRowModel() });

export function Table<Row extends RowData>(props: TableProps<Row>) {
  const { label, rows, columns, rowKey, empty, height, onRow, rowClass, sort, onSort } = props;
  const [sorting, setSorting] = useState<SortingState>(sort ? [sort] : []);
  const become = (next: Sort | null) => {
    setSorting(next ? [next] : []);
    onSort?.(next);
  };
  const definitions = useMemo(() => columns.map(definition<Row>), [columns]);
  const table = useTable(
    {
      features,
      data: rows as Row[],
      columns: definitions,
      getRowId: rowKey,
      state: { sorting },
    },
    () => null,
  );
  const lines: Line<Row>[] = table.getRowModel().rows;
  if (rows.length === 0 && empty) return <>{empty}</>;
  const sorted = sorting[0] ?? null;
  return (
    <Body
      label={label}
      lines={lines}
      columns={columns}
      height={height}
      rowHeight={props.rowHeight ?? ROW_PX}
      onRow={onRow}
      rowClass={rowClass}
      choice={<SortChoice columns={columns} sorted={sorted} become={become} />}
      heads={<Heads columns={columns} sorted={sorted} become={become} />}
    />
  );
}

function definition<Row extends RowData>({ id, value }: Column<Row>) {
  // A row that has not changed is not read again: of ten thousand, most have not.
  const known = new WeakMap<object, ReturnType<typeof sortable>>();
  const read = (row: Row) => {
    if (!known.has(row)) known.set(row, sortable(value?.(row)));
    return known.get(row);
  };
  return {
    id,
    accessorFn: read,
    enableSorting: value !== undefined,
    sortUndefined: "last" as const,
    sortFn: (
      one: TableRow<typeof features, Row>,
      other: TableRow<typeof features, Row>,
      column: string,
    ) => compare(one.getValue(column), other.getValue(column)),
  };
}
