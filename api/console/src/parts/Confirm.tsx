/** Ask before what is not undone. */

import type { ReactNode } from "react";
import type { Write } from "../lib/mutate";
import { Act } from "./Act";
import { Dialog } from "./Dialog";
import { Wrong } from "./Field";

export interface ConfirmProps<Told> {
  /** The question: "Delete CP-1?" */
  title: string;
  /** What will be, in words. */
  children: ReactNode;
  /** The word on the button: "Delete". */
  action: string;
  write: Write<void, Told>;
  onClose: () => void;
  /** Called after it has gone well, instead of onClose. */
  onDone?: (told: Told) => void;
}

export function Confirm<Told>(props: ConfirmProps<Told>) {
  const { title, children, action, write, onClose, onDone } = props;
  const go = async () => {
    const told = await write.run();
    if (told !== undefined) (onDone ?? onClose)(told);
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <div>{children}</div>
      <Wrong problem={write.problem} />
      <div className="actions">
        <button type="button" data-first onClick={onClose}>
          Cancel
        </button>
        <Act kind="bad" running={write.running} onClick={() => void go()}>
          {action}
        </Act>
      </div>
    </Dialog>
  );
}
