/** React's own, but that texts are shown harmlessly; `vite.config.ts` has all parts use it. */

import type { ElementType, Key } from "react";
import * as react from "react/jsx-runtime";
import { shown } from "./props";

export const { Fragment } = react;

export function jsx(type: ElementType, props: Record<string, unknown>, key?: Key) {
  return react.jsx(type, shown(type, props), key);
}

export function jsxs(type: ElementType, props: Record<string, unknown>, key?: Key) {
  return react.jsxs(type, shown(type, props), key);
}
