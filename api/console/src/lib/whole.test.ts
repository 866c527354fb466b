import { afterEach, expect, test, vi } from "vitest";
import { askAll } from "./whole";

afterEach(() => vi.unstubAllGlobals());

test.each(["next_cursor", "nextCursor"])("a list is read to its end, by %s", async (name) => {
  const pages: Record<string, object> = {
    "/api/sites?limit=1000": { sites: [1, 2], [name]: "a b" },
    "/api/sites?limit=1000&cursor=a+b": { sites: [3], [name]: null },
  };
  vi.stubGlobal("fetch", (path: string) =>
    Promise.resolve(
      new Response(JSON.stringify(pages[path]), {
        headers: { "Content-Type": "application/json" },
      }),
    ),
  );
  expect(await askAll<{ sites: number[] }>("/api/sites", "sites")).toMatchObject({
    sites: [1, 2, 3],
  });
});
