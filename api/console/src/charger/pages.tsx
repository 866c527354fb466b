/** Pages of a list, newest first: back and forth by the cursors that the server gives. */

import { useState } from "react";

export interface Pages {
  cursor: string | undefined;
  back: (() => void) | null;
  to: (cursor: string) => void;
}

export function usePages(): Pages {
  const [cursors, setCursors] = useState<readonly string[]>([]);
  return {
    cursor: cursors.at(-1),
    back: cursors.length ? () => setCursors(cursors.slice(0, -1)) : null,
    to: (cursor) => setCursors([...cursors, cursor]),
  };
}

export function More({ back, to, next }: Omit<Pages, "cursor"> & { next: string | null }) {
  if (!back && !next) return null;
  return (
    <div className="actions">
      <button type="button" disabled={!back} onClick={() => back?.()}>
        Newer
      </button>
      <button type="button" disabled={!next} onClick={() => next && to(next)}>
        Older
      </button>
    </div>
  );
}
