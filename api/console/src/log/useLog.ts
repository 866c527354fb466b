/** Follow the log live and look back in it, as long as a page shows it. */

import type { EventSourceMessage } from "eventsource-parser";
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import { askText, own, Problem, withQuery } from "../lib/client";
import type { Query } from "../lib/place";
import { type Liveness, useStream } from "../lib/stream";
import { type Page, readEvent, readPage } from "./frame";
import { type Shown, Tail } from "./tail";

const AT_ONCE = 100;
const AGAIN_MS = 5000;

export interface Following {
  shown: Shown;
  liveness: Liveness | "past";
  problem: Problem | null;
  /** Why it is not live for now, where that is known. */
  why: string | undefined;
  /** How the look back stands. */
  past: "reading" | "more" | "end" | "full";
  /** Look further back. */
  older: () => void;
  hold: (held: boolean) => void;
}

export function useLog(query: Query): Following {
  const [tail] = useState(() => new Tail());
  const shown = useSyncExternalStore(tail.subscribe, tail.snapshot);
  const back = useBack(tail, query);
  const { charge_box_id, action, message_id, until } = query;
  const path = until ? null : withQuery(own("/messages/stream"), { charge_box_id, action });
  const heard = ({ event, data }: EventSourceMessage) => {
    if (event === "gap") tail.miss((JSON.parse(data) as { missed: number }).missed);
    if (event !== "message") return;
    const frame = readEvent(data);
    if (frame && (!message_id || frame.message_id === message_id)) tail.hear(frame, Date.now());
  };
  // What was said between the first look and the first event would be nowhere.
  const stream = useStream(path, heard, back.newest);
  const hold = useCallback((held: boolean) => tail.hold(held), [tail]);
  return {
    shown,
    liveness: path === null ? "past" : stream.liveness,
    problem: back.fault ?? stream.problem,
    why: stream.why?.message,
    past: shown.full ? "full" : back.past,
    older: back.older,
    hold,
  };
}

/** Look back in the log, a page at a time. */
function useBack(tail: Tail, query: Query) {
  const [past, setPast] = useState<"reading" | "more" | "end">("reading");
  const [fault, setFault] = useState<Problem | null>(null);
  const [tries, setTries] = useState(0);
  const cursor = useRef<string | null>(null);
  const begun = useRef(false);

  const older = useCallback(async () => {
    setPast("reading");
    try {
      const page = await read(query, cursor.current);
      cursor.current = page.next_cursor;
      setFault(null);
      setPast(page.next_cursor ? "more" : "end");
      tail.list(page.messages);
    } catch (reason) {
      if (!(reason instanceof Problem)) throw reason;
      setFault(reason);
      if (reason.passes) setTimeout(() => setTries((before) => before + 1), AGAIN_MS);
    }
  }, [tail, query]);

  const newest = useCallback(() => {
    read(query, null).then(
      (page) => tail.list(page.messages),
      () => undefined, // the next one to look back says what is wrong
    );
  }, [tail, query]);

  useEffect(() => {
    if (begun.current && tries === 0) return;
    begun.current = true;
    void older();
  }, [older, tries]);
  return { past, fault, older: () => void older(), newest };
}

async function read(query: Query, cursor: string | null): Promise<Page> {
  const path = withQuery(own("/messages"), { ...query, limit: AT_ONCE, cursor });
  return readPage(await askText(path));
}
