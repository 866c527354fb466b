/** Between a form and the JSON that is sent: a number stays the digits that somebody has typed. */

import { type Node, parseTree } from "jsonc-parser";
import type { Schema } from "./schema";

// As JSON writes it; whatever else is in the place of a number goes as text, and is refused there.
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** Return what was filled in as JSON; a form holds its numbers as text. */
export function toText(value: unknown, schema: Schema, root = schema, margin = ""): string {
  const inner = `${margin}  `;
  if (Array.isArray(value)) {
    const { items = {} } = resolved(schema, root);
    const each = value.map((one) => inner + toText(one, items, root, inner));
    return each.length ? `[\n${each.join(",\n")}\n${margin}]` : "[]";
  }
  if (value !== null && typeof value === "object") {
    const { properties = {} } = resolved(schema, root);
    const each = Object.entries(value).map(([name, one]) => {
      const inside = Object.hasOwn(properties, name) ? properties[name] : {};
      return `${inner}${JSON.stringify(name)}: ${toText(one, inside ?? {}, root, inner)}`;
    });
    return each.length ? `{\n${each.join(",\n")}\n${margin}}` : "{}";
  }
  const typed = typeof value === "string" ? value.trim() : "";
  return isNumber(schema, root) && NUMBER.test(typed) ? typed : JSON.stringify(value);
}

/** Return what a form shows of JSON that is an object; a sentence where not all of it has a place there. */
export function toForm(text: string, schema: Schema): { body: unknown } | { wrong: string } {
  const tree = parseTree(text);
  try {
    return { body: tree ? placed(tree, text, schema, schema, []) : {} };
  } catch (fault) {
    if (!(fault instanceof Unplaced)) throw fault;
    const what = fault.path.join(".") || "this";
    return {
      wrong: `The form has no place for ${what} as it is written here, so it stays JSON. It is sent as it stands.`,
    };
  }
}

class Unplaced extends Error {
  constructor(readonly path: readonly (string | number)[]) {
    super();
  }
}

type Path = readonly (string | number)[];

function placed(node: Node, text: string, schema: Schema, root: Schema, path: Path): unknown {
  const { type, properties = {}, items = {} } = resolved(schema, root);
  const children = node.children ?? [];
  const isEmpty = path.length > 0 && (node.value === "" || node.children?.length === 0);
  if (isEmpty || !(KINDS[String(type)] ?? []).includes(node.type)) throw new Unplaced(path);
  if (node.type === "array") {
    return children.map((child, n) => placed(child, text, items, root, [...path, n]));
  }
  if (node.type === "object") {
    const names = children.map(({ children: [key, value] = [] }) => {
      const name = String(key?.value);
      const inside = Object.hasOwn(properties, name) ? properties[name] : undefined;
      if (!inside || !value) throw new Unplaced([...path, name]);
      return [name, placed(value, text, inside, root, [...path, name])] as const;
    });
    return Object.fromEntries(names);
  }
  return node.type === "number" ? text.slice(node.offset, node.offset + node.length) : node.value;
}

/** What of JSON the inputs of a type can hold. */
const KINDS: Readonly<Record<string, readonly string[]>> = {
  object: ["object"],
  array: ["array"],
  string: ["string"],
  boolean: ["boolean"],
  number: ["number"],
  integer: ["number"],
};

function isNumber(schema: Schema, root: Schema): boolean {
  return KINDS[String(resolved(schema, root).type)]?.[0] === "number";
}

function resolved(schema: Schema, root: Schema): Schema {
  const { $ref } = schema;
  const name = typeof $ref === "string" ? $ref.replace("#/$defs/", "") : "";
  return name ? (root.$defs?.[name] ?? schema) : schema;
}
