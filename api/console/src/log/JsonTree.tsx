/** JSON to be looked at: parts can be folded, and every number stands as it was on the wire. */

import { number } from "../lib/format";
import { type Node, parseTree } from "jsonc-parser";
import { type ReactNode, useMemo, useState } from "react";
import "./json.css";

const OPEN_DEPTH = 4;
const FEW = 100;

export function JsonTree({ text, label }: { text: string; label: string }) {
  const tree = useMemo(() => parseTree(text), [text]);
  return (
    <div className="json" role="group" aria-label={label}>
      {tree ? <Value node={tree} text={text} depth={0} /> : text}
    </div>
  );
}

interface Part {
  node: Node;
  text: string;
  depth: number;
}

function Value({ node, text, depth, name }: Part & { name?: ReactNode }) {
  const children = node.children ?? [];
  if ((node.type === "object" || node.type === "array") && children.length > 0) {
    return <Folding node={node} text={text} depth={depth} name={name} />;
  }
  return (
    <div>
      {name}
      <span className={node.type}>{text.slice(node.offset, node.offset + node.length)}</span>
    </div>
  );
}

/** An object or an array; what is folded is not drawn. */
function Folding({ node, text, depth, name }: Part & { name?: ReactNode }) {
  const children = node.children ?? [];
  const [open, setOpen] = useState(depth < OPEN_DEPTH && children.length <= FEW);
  const [shown, setShown] = useState(FEW);
  const [begin, end] = node.type === "array" ? "[]" : "{}";
  return (
    <details open={open} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary>
        {name}
        {begin}
        {!open && (
          <span className="quiet">
            {` ${number(children.length)} ${node.type === "array" ? "entries" : "members"} `}
            {end}
          </span>
        )}
      </summary>
      {open && (
        <div className="within">
          {children.slice(0, shown).map((child) => (
            <Child key={child.offset} node={child} text={text} depth={depth + 1} />
          ))}
          {children.length > shown && (
            <button type="button" className="plain" onClick={() => setShown(shown + 10 * FEW)}>
              {number(children.length - shown)} more
            </button>
          )}
        </div>
      )}
      {open && <div>{end}</div>}
    </details>
  );
}

function Child({ node, text, depth }: Part) {
  const [key, value] = node.type === "property" ? (node.children ?? []) : [undefined, node];
  if (!value) return null;
  const name = key && (
    <>
      <span className="name">{text.slice(key.offset, key.offset + key.length)}</span>
      {": "}
    </>
  );
  return <Value node={value} text={text} depth={depth} name={name} />;
}
