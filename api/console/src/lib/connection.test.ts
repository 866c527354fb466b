import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ask } from "./client";
import { connection, connectionWorks } from "./connection";

beforeEach(() => {
  connectionWorks();
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** Answer when told to. */
function answering(): () => void {
  let answer: (answer: Response) => void = () => undefined;
  const there = new Promise<Response>((resolve) => (answer = resolve));
  vi.stubGlobal("fetch", () => there);
  return () => answer(new Response("{}", { headers: { "Content-Type": "application/json" } }));
}

test("what is looked for and does not come is said to be late, until it is there", async () => {
  const answer = answering();
  const asked = ask("/api");
  await vi.advanceTimersByTimeAsync(4999);
  expect(connection()).toBe("works");
  await vi.advanceTimersByTimeAsync(1);
  expect(connection()).toBe("late");
  answer();
  await asked;
  expect(connection()).toBe("works");
});

test("a write may take its time", async () => {
  const answer = answering();
  const asked = ask("/api", { method: "POST" });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(connection()).toBe("works");
  answer();
  await asked;
});
