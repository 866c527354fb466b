/** What the charger can be asked for: the usual by name, everything else by its schema. */

import { useState } from "react";
import { Link, useLocation } from "wouter";
import { chargerPath, place } from "../lib/place";
import { useOwn } from "../lib/queries";
import { Shown } from "../parts/Notice";
import { operationsFor } from "./catalogue";
import { CommandHistory } from "./CommandHistory";
import { ofCharger } from "./data";
import { GeneratedForm } from "./GeneratedForm";
import { OperationForm } from "./OperationForm";
import type { Operation, Scene } from "./operations";
import { Reservations } from "./Reservations";
import { Waiting } from "./Waiting";

export interface Action {
  action: string;
  scope: "operate" | "admin";
  description: string | null;
}

interface Actions {
  ocpp_version: string | null;
  actions: Action[];
}

export function Commands({ scene, what }: { scene: Scene; what: string | undefined }) {
  const actions = useOwn<Actions>(ofCharger(scene.id, "/actions"));
  const usual = operationsFor(scene.version);
  const chosen = what ?? "limit";
  const one = usual.find(({ id }) => id === chosen);
  return (
    <>
      <div className="asking">
        <Choice scene={scene} usual={usual} actions={actions.data?.actions ?? []} chosen={chosen} />
        <section className="card" aria-labelledby="form-head">
          {one ? (
            <>
              <h2 id="form-head">{one.title}</h2>
              <OperationForm key={one.id} operation={one} scene={scene} />
              {one.id === "reset" && <Waiting id={scene.id} />}
              {one.id.endsWith("reserve") && <Reservations id={scene.id} />}
            </>
          ) : (
            <Shown of={actions} what="what this charger can be asked for">
              {(told) => <Other scene={scene} told={told} chosen={chosen} />}
            </Shown>
          )}
        </section>
      </div>
      <CommandHistory id={scene.id} />
    </>
  );
}

function Other({ scene, told, chosen }: { scene: Scene; told: Actions; chosen: string }) {
  const found = told.actions.find(({ action }) => action === chosen);
  if (found) return <GeneratedForm key={chosen} scene={scene} action={found} />;
  return (
    <>
      <h2 id="form-head">{chosen}</h2>
      <p>
        {told.ocpp_version
          ? `OCPP ${told.ocpp_version} has no such command.`
          : "What it can be asked for is known as soon as it has been here once."}
      </p>
    </>
  );
}

function path({ id }: Scene, what: string): string {
  return place(chargerPath(id), { part: "commands", what });
}

function Choice({
  scene,
  usual,
  actions,
  chosen,
}: {
  scene: Scene;
  usual: readonly Operation[];
  actions: readonly Action[];
  chosen: string;
}) {
  const groups = [...new Set(usual.map(({ group }) => group))];
  return (
    <nav className="card choice" aria-label="Commands">
      <Select scene={scene} usual={usual} actions={actions} chosen={chosen} groups={groups} />
      {groups.map((group) => (
        <div key={group} className="group">
          <h2>{group}</h2>
          <ul>
            {usual
              .filter((one) => one.group === group)
              .map(({ id, title }) => (
                <li key={id}>
                  <Link href={path(scene, id)} aria-current={id === chosen ? "page" : undefined}>
                    {title}
                  </Link>
                </li>
              ))}
          </ul>
        </div>
      ))}
      {actions.length > 0 && <Every scene={scene} actions={actions} chosen={chosen} />}
    </nav>
  );
}

/** All of OCPP, which is long: found by typing some letters of a name. */
function Every({
  scene,
  actions,
  chosen,
}: {
  scene: Scene;
  actions: readonly Action[];
  chosen: string;
}) {
  const [wanted, setWanted] = useState("");
  const found = actions.filter(({ action }) =>
    action.toLowerCase().includes(wanted.trim().toLowerCase()),
  );
  return (
    <div className="group">
      <h2>Every command</h2>
      <input
        type="search"
        aria-label="Find a command"
        placeholder="Find a command"
        value={wanted}
        onChange={(event) => setWanted(event.target.value)}
      />
      <ul className="every" tabIndex={0} aria-label="Every command of its OCPP version">
        {found.map(({ action, description }) => (
          <li key={action}>
            <Link
              href={path(scene, action)}
              title={description ?? undefined}
              aria-current={action === chosen ? "page" : undefined}
            >
              {action}
            </Link>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** The same on a phone, where the lists would push the form off the screen. */
function Select({
  scene,
  usual,
  actions,
  chosen,
  groups,
}: {
  scene: Scene;
  usual: readonly Operation[];
  actions: readonly Action[];
  chosen: string;
  groups: readonly string[];
}) {
  const [, go] = useLocation();
  return (
    <select
      className="narrow"
      aria-label="Command"
      value={chosen}
      onChange={(event) => go(path(scene, event.target.value))}
    >
      {groups.map((group) => (
        <optgroup key={group} label={group}>
          {usual
            .filter((one) => one.group === group)
            .map(({ id, title }) => (
              <option key={id} value={id}>
                {title}
              </option>
            ))}
        </optgroup>
      ))}
      <optgroup label="Every command">
        {actions.map(({ action }) => (
          <option key={action} value={action}>
            {action}
          </option>
        ))}
      </optgroup>
    </select>
  );
}
