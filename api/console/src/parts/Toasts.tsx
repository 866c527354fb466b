/** What has just been done, at the edge of the page. */

import { X } from "lucide-react";
import { dismiss, useToasts } from "../lib/toasts";

export function Toasts() {
  const toasts = useToasts();
  return (
    <div className="toasts" role="status" aria-label="What has been done">
      {toasts.map(({ id, text }) => (
        <p key={id} className="toast">
          {text}
          <button type="button" className="icon" aria-label="Dismiss" onClick={() => dismiss(id)}>
            <X aria-hidden size={16} />
          </button>
        </p>
      ))}
    </div>
  );
}
