/** Where one is: the page in the fragment, and behind its `?` what is shown of it, to be shared. */

import { useCallback, useMemo, useSyncExternalStore } from "react";

function subscribe(listener: () => void): () => void {
  addEventListener("hashchange", listener);
  return () => removeEventListener("hashchange", listener);
}

function fragment(): string {
  return location.hash.replace(/^#?\/?/, "/");
}

function path(): string {
  return fragment().split("?")[0] ?? "/";
}

function query(): string {
  return fragment().split("?")[1] ?? "";
}

function navigate(to: string, { replace = false }: { replace?: boolean } = {}): void {
  const before = location.href;
  history[replace ? "replaceState" : "pushState"](null, "", `#${to}`);
  dispatchEvent(new HashChangeEvent("hashchange", { oldURL: before, newURL: location.href }));
}

/** For the router: the path of the page, without the query behind it. */
export function useFragment(): [string, typeof navigate] {
  return [useSyncExternalStore(subscribe, path), navigate];
}
useFragment.hrefs = (to: string) => `#${to}`;

export type Query = Readonly<Record<string, string>>;

/** Return what stands behind the `?`, and what changes some of it; empty words take a name out. */
export function useQueryOfPlace(): [Query, (change: Readonly<Record<string, string>>) => void] {
  const text = useSyncExternalStore(subscribe, query);
  const told = useMemo(() => Object.fromEntries(new URLSearchParams(text)), [text]);
  const change = useCallback((given: Readonly<Record<string, string>>) => {
    navigate(place(path(), { ...Object.fromEntries(new URLSearchParams(query())), ...given }), {
      replace: true,
    });
  }, []);
  return [told, change];
}

/** Return the address of a page with a query, for a link. */
export function place(path: string, query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value !== "");
  const text = new URLSearchParams(given).toString();
  return text ? `${path}?${text}` : path;
}

/** Return the path of a charger's page. */
export function chargerPath(charge_box_id: string): string {
  return `/chargers/${encodeURIComponent(charge_box_id)}`;
}

/** Return what a part of a path says: the router has decoded only some of it. */
export function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
