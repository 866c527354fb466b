/** A frame of the message log, with what it says kept as the text that it was on the wire. */

import { findNodeAtLocation, type Node, parseTree } from "jsonc-parser";

export type Direction =
  "charger_to_platform" | "platform_to_charger" | "platform_to_target" | "target_to_platform";

export interface Frame {
  seq: number;
  timestamp: string;
  message_type: string;
  /** The payload, or the details of an error, digit by digit; null where there is none. */
  text: string | null;
  error_code: string | null;
  error_description: string | null;
  /** The whole frame, where it cannot be read. */
  raw: string | null;
  /** The bytes of a frame that is too large to be told live. */
  left_out: number | null;
}

/** A frame, and who said it to whom. */
export interface Said extends Frame {
  charge_box_id: string;
  direction: Direction;
  ocpp_version: string;
  message_id: string | null;
  action: string | null;
  proxy_configuration_id: number | null;
  origin: number | null;
  maybe_duplicate: boolean | null;
  /** Of an answer: the seq of its call, where the server knows it. */
  answers: number | null;
}

/** A message of the log as it is listed: what is no answer, with its answer if one came. */
export interface Listed {
  call: Said;
  answer: Frame | null;
}

export interface Page {
  messages: Listed[];
  next_cursor: string | null;
}

export const ANSWERS: ReadonlySet<string> = new Set(["CallResult", "CallError", "CallResultError"]);

/** Read one event of the live log. */
export function readEvent(text: string): Said | null {
  const tree = parseTree(text);
  return tree ? said(text, tree) : null;
}

/** Read a page of the log. */
export function readPage(text: string): Page {
  const tree = parseTree(text);
  const rows = tree ? (findNodeAtLocation(tree, ["messages"])?.children ?? []) : [];
  const messages = rows.map((row) => {
    const answer = findNodeAtLocation(row, ["answer"]);
    return {
      call: said(text, row),
      answer: answer?.type === "object" ? frame(text, answer) : null,
    };
  });
  const cursor = tree && findNodeAtLocation(tree, ["next_cursor"]);
  return { messages, next_cursor: typeof cursor?.value === "string" ? cursor.value : null };
}

function said(text: string, node: Node): Said {
  const told = members(node);
  return {
    ...frame(text, node),
    charge_box_id: String(told.charge_box_id?.value),
    direction: told.direction?.value as Direction,
    ocpp_version: String(told.ocpp_version?.value),
    message_id: word(told.message_id),
    action: word(told.action),
    proxy_configuration_id: number(told.proxy_configuration_id),
    origin: number(told.origin),
    maybe_duplicate: told.maybe_duplicate?.value === true,
    answers: number(told.answers),
  };
}

function frame(text: string, node: Node): Frame {
  const told = members(node);
  const content = told.payload ?? told.error_details;
  return {
    seq: Number(told.seq?.value),
    timestamp: String(told.timestamp?.value),
    message_type: String(told.message_type?.value),
    text: content ? text.slice(content.offset, content.offset + content.length) : null,
    error_code: word(told.error_code),
    error_description: word(told.error_description),
    raw: word(told.raw),
    left_out: number(told.left_out),
  };
}

function members(node: Node): Record<string, Node | undefined> {
  const told: Record<string, Node | undefined> = {};
  for (const { children } of node.children ?? []) {
    const [name, value] = children ?? [];
    if (name && value) told[String(name.value)] = value;
  }
  return told;
}

function word(node: Node | undefined): string | null {
  return typeof node?.value === "string" ? node.value : null;
}

function number(node: Node | undefined): number | null {
  return typeof node?.value === "number" ? node.value : null;
}

const CALL_NUMBERS: Record<string, number> = { Call: 2, Send: 6 };
const ANSWER_NUMBERS: Record<string, number> = { CallResult: 3, CallError: 4, CallResultError: 5 };

/** Write a frame as it went over the wire, but for blanks around its parts. */
export function wire(frame: Frame, id: string | null, action: string | null): string | null {
  if (frame.raw !== null) return frame.raw;
  if (frame.left_out !== null) return null;
  const name = JSON.stringify(id);
  const call = CALL_NUMBERS[frame.message_type];
  if (call) return `[${call},${name},${JSON.stringify(action)},${frame.text}]`;
  const answer = ANSWER_NUMBERS[frame.message_type];
  if (answer === 3) return `[3,${name},${frame.text}]`;
  const words = [frame.error_code ?? "", frame.error_description ?? ""].map((one) =>
    JSON.stringify(one),
  );
  return `[${answer},${name},${words.join(",")},${frame.text ?? "{}"}]`;
}
