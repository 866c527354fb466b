/** Make a site, rename it, and say which chargers stand there. */

import { useState } from "react";
import { ask, own, type Problem } from "../lib/client";
import { fieldError } from "../lib/fields";
import { number } from "../lib/format";
import { useWrite } from "../lib/mutate";
import { useAll } from "../lib/whole";
import { Act } from "../parts/Act";
import { Dialog } from "../parts/Dialog";
import { Field, Wrong } from "../parts/Field";
import type { Site } from "./types";

interface OneSite {
  site: Site;
}

export function NewSite({
  onClose,
  onDone,
}: {
  onClose: () => void;
  onDone: (site: Site) => void;
}) {
  const [name, setName] = useState("");
  const [chargers, setChargers] = useState("");
  const write = useWrite(
    () =>
      ask<OneSite>(own("/sites"), { method: "POST", body: { name, chargers: linesOf(chargers) } }),
    ({ site }) => `${site.name} has been made.`,
  );
  return (
    <Dialog title="New site" onClose={onClose}>
      <form
        noValidate
        onSubmit={async (event) => {
          event.preventDefault();
          const told = await write.run();
          if (told) onDone(told.site);
        }}
      >
        <NameField name={name} setName={setName} problem={write.problem} />
        <ChargersField
          label="Chargers"
          text={chargers}
          setText={setChargers}
          problem={write.problem}
        />
        <Wrong problem={write.problem} shown={["name", "chargers"]} />
        <Buttons onClose={onClose} action="Make the site" running={write.running} />
      </form>
    </Dialog>
  );
}

export function RenameSite({ site, onClose }: { site: Site; onClose: () => void }) {
  const [name, setName] = useState(site.name);
  const write = useWrite(
    () => ask<OneSite>(own(`/sites/${site.site_id}`), { method: "PATCH", body: { name } }),
    () => `The site is called ${name} now.`,
  );
  return (
    <Dialog title={`Rename ${site.name}`} onClose={onClose}>
      <form
        noValidate
        onSubmit={async (event) => {
          event.preventDefault();
          if (await write.run()) onClose();
        }}
      >
        <NameField name={name} setName={setName} problem={write.problem} />
        <Wrong problem={write.problem} shown={["name"]} />
        <Buttons onClose={onClose} action="Rename" running={write.running} />
      </form>
    </Dialog>
  );
}

export function AddChargers({ site, onClose }: { site: Site; onClose: () => void }) {
  const [chargers, setChargers] = useState("");
  const write = useWrite(
    () =>
      ask<OneSite>(own(`/sites/${site.site_id}`), {
        method: "PATCH",
        body: { add_chargers: linesOf(chargers) },
      }),
    () => `${site.name} has ${linesOf(chargers).length} more.`,
  );
  return (
    <Dialog title={`Add chargers to ${site.name}`} onClose={onClose}>
      <form
        noValidate
        onSubmit={async (event) => {
          event.preventDefault();
          if (await write.run()) onClose();
        }}
      >
        <ChargersField
          label="Chargers to add"
          text={chargers}
          setText={setChargers}
          problem={write.problem}
        />
        <p className="quiet">
          What is connected stays connected. Apply a version once more for them.
        </p>
        <Wrong problem={write.problem} shown={["add_chargers"]} />
        <Buttons onClose={onClose} action="Add" running={write.running} />
      </form>
    </Dialog>
  );
}

function NameField({
  name,
  setName,
  problem,
}: {
  name: string;
  setName: (name: string) => void;
  problem: Problem | null;
}) {
  return (
    <Field label="Name" error={fieldError(problem, "name")}>
      {(given) => (
        <input {...given} value={name} onChange={(event) => setName(event.target.value)} />
      )}
    </Field>
  );
}

interface Chargers {
  chargers: { charge_box_id: string; site_id: string | null }[];
}

const MOST_OFFERED = 200;

function ChargersField({
  label,
  text,
  setText,
  problem,
}: {
  label: string;
  text: string;
  setText: (text: string) => void;
  problem: Problem | null;
}) {
  const { data } = useAll<Chargers>(own("/chargers"), "chargers");
  const chosen = new Set(linesOf(text));
  const free = (data?.chargers ?? []).filter(
    ({ charge_box_id, site_id }) => site_id === null && !chosen.has(charge_box_id),
  );
  return (
    <>
      <Field
        label={label}
        hint="One charger id in each line. A charger stands at one site at most."
        error={fieldError(problem, "chargers", "add_chargers")}
      >
        {(given) => (
          <textarea
            {...given}
            rows={4}
            spellCheck={false}
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        )}
      </Field>
      {free.length > 0 && (
        <fieldset className="offered">
          <legend className="quiet">At no site yet</legend>
          {free.slice(0, MOST_OFFERED).map(({ charge_box_id }) => (
            <button
              key={charge_box_id}
              type="button"
              onClick={() => setText([...linesOf(text), charge_box_id].join("\n"))}
            >
              {charge_box_id}
            </button>
          ))}
          {free.length > MOST_OFFERED && (
            <p className="quiet">
              These are {MOST_OFFERED} of {number(free.length)}: the others by their ids.
            </p>
          )}
        </fieldset>
      )}
    </>
  );
}

function Buttons(props: { onClose: () => void; action: string; running: boolean }) {
  return (
    <div className="actions">
      <button type="button" onClick={props.onClose}>
        Cancel
      </button>
      <Act kind="main" needs="operate" running={props.running}>
        {props.action}
      </Act>
    </div>
  );
}

function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
}
