/** A write and how it stands; what it may have changed is asked for again. */

import { useMutation } from "@tanstack/react-query";
import { Problem } from "./client";
import { queries } from "./queries";
import { say } from "./toasts";

export interface Write<Given, Told> {
  /** Write; undefined where it failed, which `problem` tells of. */
  run: (given: Given) => Promise<Told | undefined>;
  running: boolean;
  problem: Problem | null;
  told: Told | undefined;
  /** Forget how the last one went. */
  clear: () => void;
}

/** Give a write to a part; `done` says what has been done, for a moment. */
export function useWrite<Given = void, Told = unknown>(
  write: (given: Given) => Promise<Told>,
  done?: (told: Told, given: Given) => string,
): Write<Given, Told> {
  const state = useMutation<Told, Problem, Given>({
    mutationFn: write,
    onSuccess: (told, given) => {
      if (done) say(done(told, given));
    },
    // What failed may have been done all the same, or has been recorded.
    onSettled: () => void queries.invalidateQueries(),
  });
  return {
    // A second press while the first is under way is none.
    run: (given) =>
      state.isPending ? Promise.resolve(undefined) : state.mutateAsync(given).catch(expected),
    running: state.isPending,
    problem: state.error,
    told: state.data,
    clear: state.reset,
  };
}

function expected(fault: unknown): undefined {
  if (!(fault instanceof Problem)) throw fault;
}
