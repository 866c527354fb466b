/** What has just been done, in words that go away by themselves. */

import { useSyncExternalStore } from "react";
import { onLeave } from "./session";

export interface Toast {
  id: number;
  text: string;
}

const STAYS_MS = 6000;
const MOST = 4;

let toasts: readonly Toast[] = [];
let made = 0;
const listeners = new Set<() => void>();

function become(next: readonly Toast[]): void {
  toasts = next;
  for (const listener of listeners) listener();
}

/** Say that something was done. What failed stays where it was asked for instead. */
export function say(text: string): void {
  const id = ++made;
  become([...toasts, { id, text }].slice(-MOST));
  setTimeout(() => dismiss(id), STAYS_MS);
}

export function dismiss(id: number): void {
  become(toasts.filter((toast) => toast.id !== id));
}

onLeave(() => become([]));

export function useToasts(): readonly Toast[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
}
