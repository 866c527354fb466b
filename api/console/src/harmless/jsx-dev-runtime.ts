/** The same as `jsx-runtime`, for development. */

import type { ElementType, Key } from "react";
import * as react from "react/jsx-dev-runtime";
import { shown } from "./props";

export const { Fragment } = react;

export function jsxDEV(
  type: ElementType,
  props: Record<string, unknown>,
  key: Key | undefined,
  isStatic: boolean,
  ...where: [react.JSXSource?, unknown?]
) {
  return react.jsxDEV(type, shown(type, props), key, isStatic, ...where);
}
