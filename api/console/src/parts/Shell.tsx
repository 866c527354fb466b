/** The frame of every page: where one is, who one is, and whether Ringmain answers. */

import {
  Cable,
  Gauge,
  KeyRound,
  LogOut,
  type LucideIcon,
  MapPin,
  MessagesSquare,
  ScrollText,
  UploadCloud,
} from "lucide-react";
import { type ReactNode, useEffect } from "react";
import { Link, useLocation, useRoute } from "wouter";
import { harmless } from "../harmless/text";
import { useConnection } from "../lib/connection";
import { decoded } from "../lib/place";
import { choose, logOut, useSession } from "../lib/session";
import { Toasts } from "./Toasts";

const PLACES: readonly [string, string, LucideIcon][] = [
  ["/", "Fleet", Gauge],
  ["/messages", "Messages", MessagesSquare],
  ["/links", "Proxy links", Cable],
  ["/sites", "Sites", MapPin],
  ["/connectors", "Data connectors", UploadCloud],
  ["/audit", "Audit", ScrollText],
  ["/keys", "API keys", KeyRound],
];

export function Shell({ children }: { children: ReactNode }) {
  const { credential, organization } = useSession();
  useTitle();
  useSlash();
  return (
    <div className="shell">
      <button type="button" className="skip" onClick={toMain}>
        Skip to the page
      </button>
      <header className="side">
        <p className="brand">
          <Mark /> Ringmain
        </p>
        <nav aria-label="Pages">
          <ul>
            {PLACES.map(([path, name, Icon]) => (
              <li key={path}>
                <Place path={path} name={name} Icon={Icon} />
              </li>
            ))}
          </ul>
        </nav>
        <div className="who">
          <p title={organization?.organization_uuid}>{organization?.name}</p>
          <p className="quiet">scope {organization?.role}</p>
          {credential?.kind === "cookie" && (
            <button type="button" className="plain" onClick={() => goBy(() => choose(null))}>
              Another organization
            </button>
          )}
          <a href="/docs" target="_blank" rel="noreferrer">
            API reference
          </a>
          <button type="button" className="plain" onClick={() => goBy(logOut)}>
            <LogOut aria-hidden size={16} /> Log out
          </button>
        </div>
      </header>
      <Lost />
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      <Toasts />
    </div>
  );
}

/** Leave at one's own wish: whoever comes next begins at the first page, not at what was looked at. */
function goBy(leave: () => void): void {
  leave();
  history.replaceState(null, "", location.pathname);
}

/** Name the page where browsers do: in its tab, in the history. A site says its name itself. */
function useTitle(): void {
  const [path] = useLocation();
  useEffect(() => {
    const [, first = "", second] = path.split("/");
    if (first === "sites" && second) return;
    const place = PLACES.find(([one]) => one === `/${first}`)?.[1];
    const named = second === undefined ? place : decoded(second);
    document.title = named ? `${harmless(named)} · Ringmain` : "Ringmain";
  }, [path]);
}

/** Let `/` lead to the search of the page, where there is one and nobody is writing. */
function useSlash(): void {
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const writing = (event.target as Element).closest("input, textarea, select, dialog");
      if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || writing) return;
      const search = document.querySelector<HTMLInputElement>("#main input[type=search]");
      if (search) {
        event.preventDefault();
        search.focus();
      }
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

// A link would change the fragment, which is the page.
function toMain(): void {
  document.getElementById("main")?.focus();
}

function Place({ path, name, Icon }: { path: string; name: string; Icon: LucideIcon }) {
  const [here] = useRoute(path);
  return (
    <Link href={path} aria-current={here ? "page" : undefined}>
      <Icon aria-hidden size={18} />
      <span>{name}</span>
    </Link>
  );
}

function Lost() {
  const connection = useConnection();
  return (
    <div className="lost" role="status">
      {connection === "late" && (
        <p className="late">
          <strong>Ringmain takes long to answer.</strong> Something here is still missing, or as it
          was. It is waited for up to half a minute, and asked for again.
        </p>
      )}
      {connection === "lost" && (
        <p>
          <strong>Connection lost.</strong> What you see is as it was. Ringmain is tried again every
          two seconds.
        </p>
      )}
    </div>
  );
}

export function Mark() {
  return (
    <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true" focusable="false">
      <title>Ringmain</title>
      <circle cx="16" cy="16" r="11" fill="none" stroke="currentColor" strokeWidth="5" />
    </svg>
  );
}
