/** Follow server-sent events, again and again until told to stop: nothing is lost by a reconnect. */

import { createParser, type EventSourceMessage } from "eventsource-parser";
import { useEffect, useRef, useState } from "react";
import { isOf, Problem, problem, refused, sent } from "./client";
import { onReturn } from "./connection";
import { type Credential, credentialHeaders, currentSession } from "./session";

export type Liveness = "connecting" | "live" | "lost";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
// The server says something every 15 s.
const SILENCE_MS = 40_000;
// A browser has six connections to a server, for all of its tabs: one that nobody sees holds none.
const UNSEEN_MS = 30_000;

/** Follow until the signal; `heard` gets each event, `told` how it stands and why. Throws what is final. */
export async function follow(
  path: string,
  heard: (event: EventSourceMessage) => void,
  told: (liveness: Liveness, why: Problem | null) => void,
  signal: AbortSignal,
): Promise<void> {
  let last: string | undefined;
  let pause = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    told("connecting", null);
    let why: Problem | null = null;
    const by = currentSession().credential;
    const seen = whileSeen(signal);
    try {
      await once(
        path,
        last,
        seen.signal,
        () => told("live", null),
        (event) => {
          pause = FIRST_PAUSE_MS;
          last = event.id ?? last;
          if (event.event === "end") why = ended(event.data, by);
          else heard(event);
        },
      );
    } catch (fault) {
      if (signal.aborted) return;
      if (fault instanceof Problem) why = fault;
    } finally {
      seen.done();
    }
    const final = why as Problem | null;
    if (final && !final.passes) throw final;
    if (seen.signal.aborted) await shown(signal);
    else {
      told("lost", final);
      // All who have lost the same server do not come back to it at once.
      await sleep(pause * (0.5 + Math.random()), signal);
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    }
  }
}

const STATUS: Record<string, number> = { unauthorized: 401, forbidden: 403, not_found: 404 };

/** Return why the server has ended a stream; who is not let in any more is logged out. */
function ended(data: string, by: Credential | null): Problem {
  const told = JSON.parse(data) as { error?: string };
  return problem(STATUS[told.error ?? ""] ?? 503, told, by);
}

/** Return a signal that also tells of a tab that nobody has looked at for a while. */
function whileSeen(signal: AbortSignal): { signal: AbortSignal; done: () => void } {
  const unseen = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const changed = () => {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(() => unseen.abort(), UNSEEN_MS);
  };
  document.addEventListener("visibilitychange", changed);
  changed();
  return {
    signal: AbortSignal.any([signal, unseen.signal]),
    done: () => {
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", changed);
    },
  };
}

/** Wait until somebody looks at the tab. */
function shown(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const look = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener("visibilitychange", look);
      done();
    };
    document.addEventListener("visibilitychange", look);
    signal.addEventListener("abort", look, { once: true });
    look();
  });
}

async function once(
  path: string,
  last: string | undefined,
  signal: AbortSignal,
  opened: () => void,
  onEvent: (event: EventSourceMessage) => void,
): Promise<void> {
  const by = currentSession().credential;
  const silent = new AbortController();
  const either = AbortSignal.any([signal, silent.signal]);
  const headers = { ...credentialHeaders(), ...(last ? { "Last-Event-ID": last } : {}) };
  let timer = setTimeout(() => silent.abort(), SILENCE_MS);
  try {
    const answer = await sent(path, { headers, signal: either });
    if (!answer.ok || !answer.body || !isOf(answer, "text/event-stream")) {
      throw await refused(answer, by);
    }
    opened();
    const parser = createParser({ onEvent });
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(), SILENCE_MS);
      parser.feed(value);
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Wait for a while, or until the server is there again. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const awake = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", awake);
      forget();
      done();
    };
    const timer = setTimeout(awake, ms);
    const forget = onReturn(awake);
    signal.addEventListener("abort", awake);
  });
}

export interface Followed {
  liveness: Liveness;
  /** Why it cannot be followed at all. */
  problem: Problem | null;
  /** Why it is lost for now, where that is known. */
  why: Problem | null;
}

/** Follow a stream while a part is shown; null follows nothing. */
export function useStream(
  path: string | null,
  heard: (event: EventSourceMessage) => void,
  opened?: () => void,
): Followed {
  const [state, setState] = useState<Followed>(CONNECTING);
  const newest = useRef({ heard, opened });
  newest.current = { heard, opened };
  useEffect(() => {
    if (path === null) return;
    const stop = new AbortController();
    setState(CONNECTING);
    follow(
      path,
      (event) => newest.current.heard(event),
      (liveness, why) => {
        if (liveness === "live") newest.current.opened?.();
        // What is known of why it was lost stays until it is live again.
        setState((before) => ({
          liveness,
          problem: null,
          why: liveness === "connecting" ? before.why : why,
        }));
      },
      stop.signal,
    ).catch((reason: unknown) => {
      if (reason instanceof Problem) setState({ liveness: "lost", problem: reason, why: reason });
    });
    return () => stop.abort();
  }, [path]);
  return state;
}

const CONNECTING: Followed = { liveness: "connecting", problem: null, why: null };
