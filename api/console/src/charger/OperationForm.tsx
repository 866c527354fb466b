/** The form of one operation: it asks, sends, and shows what the charger said. */

import { type FormEvent, useState } from "react";
import { ask } from "../lib/client";
import { useWrite } from "../lib/mutate";
import { Act } from "../parts/Act";
import { Confirm } from "../parts/Confirm";
import { Answer, NoAnswer } from "./Answer";
import { Curl } from "./Curl";
import { Inputs, namesOf } from "./Inputs";
import type { FieldOf, Operation, Scene, Values } from "./operations";

export interface OperationFormProps {
  operation: Operation;
  scene: Scene;
  /** What is filled in besides what always is. */
  values?: Values;
  onDone?: () => void;
}

export function OperationForm({ operation, scene, values: chosen, onDone }: OperationFormProps) {
  const [changed, setChanged] = useState<Values>({});
  const [asking, setAsking] = useState<string | null>(null);
  const drafted = { ...operation.initial?.(scene), ...chosen, ...changed };
  const fields = operation.fields(scene, drafted);
  const values = settled(fields, drafted);
  const sent = operation.request(scene, values);
  const write = useWrite(() => ask<unknown>(sent.path, { ...sent, patient: true }));
  const go = async () => {
    if ((await write.run()) !== undefined) onDone?.();
  };
  const confirmed = async () => {
    // What comes of it is told where it was asked for.
    setAsking(null);
    await go();
    return undefined;
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const question = operation.asks?.(scene, values) ?? null;
    if (question === null) void go();
    else setAsking(question);
  };
  const shown = namesOf(fields);
  return (
    <form onSubmit={submit}>
      <p className="quiet">{operation.about}</p>
      {!scene.station.connected && <Away />}
      <Inputs
        fields={fields}
        values={values}
        problem={write.problem}
        change={(name, value) => setChanged((before) => ({ ...before, [name]: value }))}
      />
      <div className="actions">
        <Act kind="main" needs={operation.needs ?? "operate"} running={write.running}>
          {operation.verb}
        </Act>
      </div>
      {write.told !== undefined && !write.running && <Answer told={write.told} whole />}
      <NoAnswer problem={write.problem} shown={shown} />
      <Curl sent={sent} />
      {asking !== null && (
        <Confirm
          title={`${operation.title}?`}
          action={operation.verb}
          write={{ ...write, problem: null, run: confirmed }}
          onClose={() => setAsking(null)}
        >
          {asking}
        </Confirm>
      )}
    </form>
  );
}

/** A select shows its first option where the one that was chosen is gone. */
function settled(fields: readonly FieldOf[], values: Values): Values {
  const chosen = fields.flatMap(({ name, kind, options = [] }) => {
    if (kind !== "select" || options.some(([value]) => value === values[name])) return [];
    return [[name, options[0]?.[0] ?? ""]];
  });
  return { ...values, ...Object.fromEntries(chosen) };
}

export function Away() {
  return (
    <p className="wrong">
      The charger is not connected: what you send now is refused, or waits as its answer says.
    </p>
  );
}
