/** Where one says who one is, and for which organization. */

import { type FormEvent, useEffect, useState } from "react";
import type { Problem } from "../lib/client";
import { useConnection } from "../lib/connection";
import { choose, logIn, logOut, type Organization, useSession } from "../lib/session";
import { askAll } from "../lib/whole";
import { Mark } from "../parts/Shell";

interface Organizations {
  organizations: Organization[];
}

export function LoginPage() {
  const { credential, ended } = useSession();
  useEffect(() => {
    document.title = "Log in · Ringmain";
  }, []);
  return (
    <main className="login">
      <h1>
        <Mark /> Ringmain
      </h1>
      {ended && (
        <p className="stale" role="alert">
          {ended}
        </p>
      )}
      <div className="card">{credential ? <Choice /> : <Credentials />}</div>
    </main>
  );
}

function Credentials() {
  const [key, setKey] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (key.trim()) logIn({ kind: "key", key: key.trim() });
  };
  return (
    <>
      <form onSubmit={submit}>
        <label htmlFor="key">API key</label>
        <input
          id="key"
          type="password"
          autoComplete="off"
          spellCheck={false}
          value={key}
          onChange={(event) => setKey(event.target.value)}
        />
        <button type="submit" className="main">
          Log in
        </button>
      </form>
      <p className="quiet">
        The key stays in this tab. <code>ringmain org create</code> and{" "}
        <code>ringmain key create</code> print one.
      </p>
      <button type="button" onClick={() => logIn({ kind: "cookie" })}>
        Use the session of this browser
      </button>
    </>
  );
}

/** Find the organizations of who logged in; one is taken, of several one is chosen. */
function Choice() {
  const [found, setFound] = useState<Organization[] | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [tries, setTries] = useState(0);
  const late = useConnection() === "late";
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    askAll<Organizations>("/api/v1/organizations", "organizations").then(
      ({ organizations }) => {
        const [only] = organizations;
        if (only && organizations.length === 1) choose(only);
        else setFound(organizations);
      },
      (fault: Problem) => {
        setProblem(fault);
        if (fault.passes) timer = setTimeout(() => setTries((before) => before + 1), 2000);
      },
    );
    return () => clearTimeout(timer);
  }, [tries]);
  return (
    <>
      {problem && (
        <p className="wrong" role="alert">
          {problem.message} {problem.passes && "It is tried again by itself."}
        </p>
      )}
      {!problem && !found && (
        <p role="status">
          Looking for your organizations … {late && "Ringmain takes long to answer."}
        </p>
      )}
      {found?.length === 0 && <p role="alert">You are a member of no organization yet.</p>}
      <ul className="choices">
        {found?.map((one) => (
          <li key={one.organization_uuid}>
            <button type="button" onClick={() => choose(one)}>
              {one.name} <span className="quiet">scope {one.role}</span>
            </button>
          </li>
        ))}
      </ul>
      <button type="button" className="plain" onClick={() => logOut()}>
        Log in as somebody else
      </button>
    </>
  );
}
