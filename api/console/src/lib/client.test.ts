import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ask, askText, problem, type Problem } from "./client";
import { choose, currentSession, logIn, logOut } from "./session";

const KEPT = { getItem: () => null, setItem: () => undefined };

beforeEach(() => vi.stubGlobal("sessionStorage", KEPT));
afterEach(() => vi.unstubAllGlobals());

function answering(body: string, status: number, type: string): void {
  const answer = new Response(body, { status, headers: { "Content-Type": type } });
  vi.stubGlobal("fetch", () => Promise.resolve(answer));
}

async function problemOf(asked: Promise<unknown>): Promise<Problem> {
  return asked.then(
    () => expect.unreachable(),
    (fault: Problem) => fault,
  );
}

test("an answer is read, or taken as the text that it is", async () => {
  answering('{"n": 1.0}', 200, "application/json; charset=utf-8");
  expect(await ask("/api")).toEqual({ n: 1 });
  answering('{"n": 1.0}', 200, "application/json; charset=utf-8");
  expect(await askText("/api")).toBe('{"n": 1.0}');
});

test.each([200, 401, 403, 404, 502])(
  "a page of a proxy is none, and passes: %i",
  async (status) => {
    answering("<html>Log in please", status, "text/html");
    const problem = await problemOf(ask("/api"));
    expect(problem.message).toContain(`HTTP status ${status}`);
    expect(problem.passes).toBe(true);
  },
);

test("what the server says is wrong does not pass", async () => {
  answering(
    '{"error": "not_found", "message": "There is no such object."}',
    404,
    "application/json",
  );
  const problem = await problemOf(ask("/api"));
  expect(problem.message).toBe("There is no such object.");
  expect(problem.passes).toBe(false);
});

test("a text is sent as it is", async () => {
  const text = '{"id": 12345678901234567890, "limit": 1.0}';
  const fetched = vi.fn((..._: unknown[]) =>
    Promise.resolve(new Response("{}", { headers: { "Content-Type": "application/json" } })),
  );
  vi.stubGlobal("fetch", fetched);
  await ask("/api", { method: "POST", body: {}, text });
  expect(fetched.mock.calls[0]?.[1]).toMatchObject({ body: text });
});

test("who was never let in has not been logged out", () => {
  logIn({ kind: "key", key: "rm_no" });
  problem(401, {}, currentSession().credential);
  expect(currentSession()).toMatchObject({ credential: null, ended: "This key is not valid." });
  logIn({ kind: "cookie" });
  problem(401, {}, currentSession().credential);
  expect(currentSession().ended).toBe("This browser has no session that is valid here.");
});

test("an answer to who was here before logs nobody out", () => {
  logIn({ kind: "key", key: "rm_one" });
  const before = currentSession().credential;
  logIn({ kind: "key", key: "rm_one" });
  choose({ organization_uuid: "1", name: "One", role: "read" });
  problem(401, {}, before);
  expect(currentSession().credential).not.toBeNull();
  problem(401, {}, currentSession().credential);
  expect(currentSession().ended).toContain("logged out");
  logOut();
});

test("what does not come within its time cannot be reached", async () => {
  const limit = new AbortController();
  vi.spyOn(AbortSignal, "timeout").mockReturnValue(limit.signal);
  vi.stubGlobal(
    "fetch",
    (_: string, { signal }: RequestInit) =>
      new Promise((_done, failed) =>
        signal?.addEventListener("abort", () => failed(signal.reason as Error)),
      ),
  );
  const asked = problemOf(ask("/api"));
  limit.abort();
  expect((await asked).status).toBe(0);
  vi.restoreAllMocks();
});
