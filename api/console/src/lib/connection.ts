/** Know whether the server answers, and say so to the whole console. */

import { useSyncExternalStore } from "react";

let lost = false;
const listeners = new Set<() => void>();
const returned = new Set<() => void>();
const LOOK_AGAIN_MS = 2000;
const LOOK_MS = 10_000;

/** Look again after a while: not all tabs at once that have lost the same server. */
function later(): void {
  setTimeout(look, LOOK_AGAIN_MS * (0.5 + Math.random()));
}

function tell(): void {
  for (const listener of listeners) listener();
}

/** Note that the server was not reached, and look until it is again. */
export function connectionLost(): void {
  if (lost) return;
  lost = true;
  tell();
  later();
}

async function look(): Promise<void> {
  if (!lost) return;
  try {
    await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(LOOK_MS) });
    connectionWorks();
  } catch {
    later();
  }
}

/** Note that the server has answered; what was missed is asked for again. */
export function connectionWorks(): void {
  if (!lost) return;
  lost = false;
  tell();
  for (const listener of returned) listener();
}

let late = 0;
const LATE_MS = 5000;

/** Wait for an answer; call what is returned when it is there, or will never be. */
export function awaiting(): () => void {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    late += 1;
    tell();
  }, LATE_MS);
  return () => {
    clearTimeout(timer);
    if (!isLate) return;
    isLate = false;
    late -= 1;
    tell();
  };
}

/** Have something done whenever the connection is back. */
export function onReturn(listener: () => void): () => void {
  returned.add(listener);
  return () => returned.delete(listener);
}

export type Connection = "works" | "late" | "lost";

/** Tell how the connection is; late: something that was asked for is still not there. */
export function connection(): Connection {
  if (lost) return "lost";
  return late > 0 ? "late" : "works";
}

export function useConnection(): Connection {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, connection);
}
