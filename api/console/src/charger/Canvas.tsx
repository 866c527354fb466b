/** The canvas that uPlot draws lines on; all that it shows is told in words beside it. */

import { useEffect, useRef } from "react";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { clock, dayOfMonth, watts } from "../lib/format";
import type { Line } from "./plot";

export interface CanvasProps {
  lines: readonly Line[];
  /** s since 1970 */
  since: number;
  now: number;
  until: number;
  /** Told at which moment the pointer is; null: nowhere. */
  onPoint: (moment: number | null) => void;
}

const HEIGHT = 260;

export function Canvas({ lines, since, now, until, onPoint }: CanvasProps) {
  const frame = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const span = useRef({ since, now, until });
  span.current = { since, now, until };
  const data = aligned(lines);
  const told = useRef(onPoint);
  told.current = onPoint;
  const newest = useRef(data);
  newest.current = data;
  // Another set of lines is another plot; other values are not.
  const shape = lines.map(({ label }) => label).join("|");
  const shapes = useRef(lines);
  shapes.current = lines;
  useEffect(() => {
    const place = frame.current;
    if (!place) return;
    const pointed = (moment: number | null) => told.current(moment);
    const make = () => {
      plot.current?.destroy();
      const drawn = options(place, shapes.current, () => span.current, pointed);
      plot.current = new uPlot(drawn, newest.current, place);
    };
    make();
    const watched = new ResizeObserver(() =>
      plot.current?.setSize({ width: place.clientWidth, height: HEIGHT }),
    );
    watched.observe(place);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", make);
    return () => {
      watched.disconnect();
      scheme.removeEventListener("change", make);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(() => {
    plot.current?.setData(newest.current);
  }, [lines]);
  return <div ref={frame} className="canvas" aria-hidden="true" />;
}

function aligned(lines: readonly Line[]): uPlot.AlignedData {
  const tables = lines.filter(({ x }) => x.length > 0).map(({ x, y }) => [x, y]);
  const empty = lines.filter(({ x }) => x.length === 0).length;
  if (tables.length === 0) return [[], ...lines.map(() => [])] as uPlot.AlignedData;
  if (empty > 0) return aligned(lines.map((line) => (line.x.length ? line : nothing(lines, line))));
  return uPlot.join(tables as uPlot.AlignedData[]);
}

/** A line without points has a hole where another one begins. */
function nothing(lines: readonly Line[], line: Line): Line {
  const first = lines.find(({ x }) => x.length > 0)?.x[0] ?? 0;
  return { ...line, x: [first], y: [null] };
}

/** Colours are taken from elements, as only these know what light and dark come to. */
function colour(place: Element, selector: string): string {
  const found = place.parentElement?.querySelector(selector) ?? place;
  return getComputedStyle(found).color;
}

function options(
  place: HTMLElement,
  lines: readonly Line[],
  span: () => { since: number; now: number; until: number },
  pointed: (moment: number | null) => void,
): uPlot.Options {
  const quiet = colour(place, ".quiet");
  const grid = getComputedStyle(place).borderTopColor;
  const axis = { stroke: quiet, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid } };
  return {
    width: place.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { points: { show: false }, drag: { x: false, y: false } },
    scales: {
      x: { time: true, range: () => [span().since, span().until] },
      y: { range: (_, __, most) => [0, Math.max(1000, (most ?? 0) * 1.1)] },
    },
    axes: [
      { ...axis, space: 70, values: (_, ticks) => ticks.map(momentOf) },
      { ...axis, size: 70, values: (_, ticks) => ticks.map((tick) => watts(tick)) },
    ],
    series: [{}, ...lines.map((line) => seriesOf(place, line))],
    hooks: {
      drawAxes: [(plot) => markNow(plot, span().now, quiet)],
      setCursor: [(plot) => pointed(momentAt(plot))],
    },
  };
}

function momentAt(plot: uPlot): number | null {
  const { left = -1 } = plot.cursor;
  return left < 0 ? null : plot.posToVal(left, "x");
}

/** Write a moment of the axis in local words: midnight is a day. */
function momentOf(tick: number): string {
  const date = new Date(tick * 1000);
  const midnight = date.getHours() === 0 && date.getMinutes() === 0;
  return midnight ? dayOfMonth(date) : clock(date, "minute");
}

function seriesOf(place: Element, { label, kind }: Line): uPlot.Series {
  const stroke = colour(place, `[data-line="${label}"]`);
  if (kind === "power") return { label, stroke, width: 2, points: { size: 4 } };
  const paths = uPlot.paths.stepped?.({ align: 1 });
  return {
    label,
    stroke,
    width: 2,
    dash: [6, 4],
    points: { show: false },
    ...(paths && { paths }),
  };
}

function markNow(plot: uPlot, now: number, stroke: string): void {
  const x = plot.valToPos(now, "x", true);
  const { top, height } = plot.bbox;
  plot.ctx.save();
  plot.ctx.strokeStyle = stroke;
  plot.ctx.setLineDash([2, 4]);
  plot.ctx.beginPath();
  plot.ctx.moveTo(x, top);
  plot.ctx.lineTo(x, top + height);
  plot.ctx.stroke();
  plot.ctx.restore();
}
