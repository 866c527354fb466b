/** The fleet as it is: all pages are read, and from then on what changes is heard. */

import { useEffect, useRef, useState, useSyncExternalStore } from "react";
import { ask, own, Problem, withQuery } from "../lib/client";
import { onReturn } from "../lib/connection";
import { type Followed, useStream } from "../lib/stream";
import type { FleetRow } from "./row";
import { type Fleet, FleetStore } from "./store";

interface Page {
  chargers: FleetRow[];
  next_cursor: string | null;
}

interface Changes {
  chargers: FleetRow[];
  removed: string[];
}

// Few at first, so that there is something to see; then as many as a page may have.
const FIRST = 120;
const MOST = 1000;
const AGAIN_MS = 3000;
// Where events cannot be followed, pages are read so often.
const UNHEARD_MS = 20_000;

export interface Watched extends Fleet {
  stream: Followed;
  /** Why not all of it could be read; what passes is tried again. */
  problem: Problem | null;
}

export function useFleet(): Watched {
  const [store] = useState(() => new FleetStore());
  const [problem, setProblem] = useState<Problem | null>(null);
  const reading = useRef<AbortController | null>(null);
  const read = () => {
    reading.current?.abort();
    reading.current = new AbortController();
    void readAll(store, setProblem, reading.current.signal);
  };
  // What was missed while nobody listened is on the pages, so they are read once somebody does.
  const stream = useStream(own("/fleet/stream"), ({ data }) => changed(store, data), read);
  const { liveness } = stream;
  useEffect(() => {
    if (liveness !== "lost") return;
    if (reading.current === null) read();
    const timer = setInterval(read, UNHEARD_MS);
    return () => clearInterval(timer);
  }, [liveness]);
  useEffect(() => () => reading.current?.abort(), []);
  return { ...useSyncExternalStore(store.subscribe, store.look), stream, problem };
}

function changed(store: FleetStore, data: string): void {
  const { chargers, removed } = JSON.parse(data) as Changes;
  store.change(chargers, removed);
}

async function readAll(
  store: FleetStore,
  failed: (problem: Problem | null) => void,
  signal: AbortSignal,
): Promise<void> {
  store.begin();
  let cursor: string | null = null;
  let limit = FIRST;
  do {
    const path = own(withQuery("/fleet", { limit, cursor }));
    try {
      const page: Page = await ask<Page>(path, { signal });
      failed(null);
      store.page(page.chargers);
      cursor = page.next_cursor;
      limit = MOST;
    } catch (fault) {
      if (signal.aborted) return;
      if (!(fault instanceof Problem)) throw fault;
      failed(fault);
      if (!fault.passes) return;
      await pause(signal);
    }
    if (signal.aborted) return;
  } while (cursor !== null || limit === FIRST);
  store.end();
}

/** Wait for a while, or until the server is there again. */
function pause(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const go = () => {
      clearTimeout(timer);
      forget();
      done();
    };
    const timer = setTimeout(go, AGAIN_MS);
    const forget = onReturn(go);
    signal.addEventListener("abort", go, { once: true });
  });
}
