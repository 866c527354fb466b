/** What is done to the properties of every element: no page has to think of it. */

import { createElement, type ReactNode } from "react";
import { harmless, turns, visible } from "./text";

const SHOWN = ["title", "aria-label", "placeholder", "alt"];
// They hold nothing but text.
const PLAIN = new Set<unknown>(["option", "title", "textarea"]);

type Props = Record<string, unknown>;

/** Return the properties of an element with its texts made harmless. */
export function shown(type: unknown, props: Props): Props {
  // Parts that are not ours hand on what they are given without coming by here.
  const safe = typeof type === "string" ? harmless : visible;
  const named = SHOWN.map((name) => [name, applied(safe, props[name])] as const);
  const changed = [...named, ["children", inside(type, props.children)] as const].filter(
    ([name, value]) => value !== props[name],
  );
  // Most have nothing strange in them, and stay the same object.
  return changed.length === 0 ? props : { ...props, ...Object.fromEntries(changed) };
}

function applied(safe: (text: string) => unknown, value: unknown): unknown {
  return typeof value === "string" ? safe(value) : value;
}

function inside(type: unknown, children: unknown): unknown {
  if (!Array.isArray(children)) return applied(PLAIN.has(type) ? harmless : isolated, children);
  const made = children.map((child: unknown) => inside(type, child));
  return made.every((one, n) => one === children[n]) ? children : made;
}

function isolated(text: string): ReactNode {
  const seen = visible(text);
  return turns(seen) ? createElement("bdi", null, seen) : seen;
}
