/** Something to be dealt with before the page: a native dialog, which keeps the focus within. */

import { X } from "lucide-react";
import { type ReactNode, useId, useLayoutEffect, useRef } from "react";

export interface DialogProps {
  title: string;
  /** Called when it is closed by Escape or its cross; it is open as long as it is shown. */
  onClose: () => void;
  children: ReactNode;
  wide?: boolean;
  /** It shows what is not shown again: neither Escape nor a cross closes it, only a button within. */
  kept?: boolean;
}

const FOCUSABLE = "input, select, textarea, button, a[href], summary, [tabindex='0']";

/** Lead to the first thing to be filled in or chosen: the cross, which comes first, is neither. */
function enter(dialog: HTMLDialogElement): void {
  const all = [...dialog.querySelectorAll<HTMLElement>(FOCUSABLE)];
  const body = all.filter((one) => !one.closest("dialog > .head"));
  const first = all.filter((one) => "first" in one.dataset);
  for (const one of [...first, ...body]) {
    one.focus();
    // What is disabled or folded away does not take it.
    if (document.activeElement === one) return;
  }
}

export function Dialog({ title, onClose, children, wide, kept }: DialogProps) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const before = document.activeElement;
    const shown = dialog.current;
    shown?.showModal();
    if (shown) enter(shown);
    return () => {
      shown?.close();
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      className={wide ? "wide" : undefined}
      aria-labelledby={id}
      onCancel={(event) => {
        // Whoever shows it closes it, by showing it no longer.
        event.preventDefault();
        if (!kept) onClose();
      }}
      onKeyDown={(event) => {
        // A browser lets a second Escape close what has refused the first.
        if (kept && event.key === "Escape") event.preventDefault();
      }}
    >
      <div className="head">
        <h2 id={id}>{title}</h2>
        {!kept && (
          <button type="button" className="icon end" aria-label="Close" onClick={onClose}>
            <X aria-hidden size={18} />
          </button>
        )}
      </div>
      {children}
    </dialog>
  );
}
