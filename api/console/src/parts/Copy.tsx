/** A text to be taken along, with a button that does. */

import { Check, Copy as CopyIcon } from "lucide-react";
import { useState } from "react";

const SAID_MS = 2000;

export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await copyText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), SAID_MS);
  };
  return (
    <button type="button" onClick={() => void copy()}>
      {copied ? <Check aria-hidden size={16} /> : <CopyIcon aria-hidden size={16} />}
      <span aria-live="polite">{copied ? "Copied" : label}</span>
    </button>
  );
}

/** Put a text on the clipboard, also where the page did not come by TLS. */
export async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  // A dialog that is open lets nothing outside of it have the focus.
  (document.querySelector("dialog[open]") ?? document.body).append(area);
  area.select();
  document.execCommand("copy");
  area.remove();
}

/** What is shown once: a password, a key. */
export function Secret({ label, text }: { label: string; text: string }) {
  return (
    <div className="secret">
      <span className="quiet">{label}</span>
      <code>{text}</code>
      <CopyButton text={text} label={`Copy ${label.toLowerCase()}`} />
    </div>
  );
}
