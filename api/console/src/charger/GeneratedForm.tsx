/** A form for any action of OCPP, made of its JSON schema; the same as JSON text. */

import { type FormEvent, useMemo, useState } from "react";
import { ask } from "../lib/client";
import { useWrite, type Write } from "../lib/mutate";
import { useOwn } from "../lib/queries";
import { Act } from "../parts/Act";
import { Confirm } from "../parts/Confirm";
import { Field } from "../parts/Field";
import { Shown } from "../parts/Notice";
import { Answer, NoAnswer } from "./Answer";
import type { Action } from "./Commands";
import { Curl } from "./Curl";
import { ofCharger } from "./data";
import { toForm, toText } from "./exact";
import { Late } from "./Late";
import { Away } from "./OperationForm";
import { type Scene, type Sent, stationPath } from "./operations";
import { filled, readJson, type Schema, tidied } from "./schema";
import { SchemaInputs } from "./SchemaInputs";
import { questionBefore } from "./undone";

interface Schemas {
  action: string;
  ocpp_version: string;
  request: Schema;
}

export function GeneratedForm({ scene, action }: { scene: Scene; action: Action }) {
  const schemas = useOwn<Schemas>(ofCharger(scene.id, `/actions/${action.action}`));
  return (
    <>
      <h2 id="form-head">{action.action}</h2>
      <Shown of={schemas} what="the form">
        {({ request }) => <Filled scene={scene} action={action} schema={request} />}
      </Shown>
    </>
  );
}

function Filled({ scene, action, schema }: { scene: Scene; action: Action; schema: Schema }) {
  const [body, setBody] = useState<unknown>({});
  // Null: the form is shown.
  const [text, setText] = useState<string | null>(null);
  // Why the form cannot show what was written.
  const [unplaced, setUnplaced] = useState<string | null>(null);
  const [asking, setAsking] = useState<string | null>(null);
  const shape = useMemo(() => tidied(schema), [schema]);
  const read = readJson(text ?? toText(filled(body), shape));
  const sent: Sent = {
    method: "POST",
    path: `${stationPath(scene.id)}/commands/${action.action}`,
    ...("body" in read ? read : { body: {} }),
  };
  const write = useWrite(() => ask<unknown>(sent.path, sent));
  const back = () => {
    if (!("body" in read)) return;
    const shown = toForm(read.text, shape);
    setUnplaced("wrong" in shown ? shown.wrong : null);
    if ("wrong" in shown) return;
    setBody(shown.body);
    setText(null);
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!("body" in read)) return;
    const question = questionBefore(action.action, read.body);
    if (question === null) void write.run();
    else setAsking(question);
  };
  const confirmed = async () => {
    // What comes of it is told below the form.
    setAsking(null);
    await write.run();
    return undefined;
  };
  return (
    <form onSubmit={submit} noValidate>
      <p className="quiet">{action.description}</p>
      {!scene.station.connected && <Away />}
      <Switch
        asText={text !== null}
        toText={() => setText(toText(filled(body), shape))}
        toForm={back}
      />
      {text === null ? (
        <SchemaInputs schema={shape} value={body} problem={write.problem} change={setBody} />
      ) : (
        <Field label="Request as JSON" error={"wrong" in read ? read.wrong : unplaced}>
          {(given) => (
            <textarea
              {...given}
              rows={14}
              spellCheck={false}
              value={text}
              onChange={(event) => {
                setText(event.target.value);
                setUnplaced(null);
              }}
            />
          )}
        </Field>
      )}
      <div className="actions">
        <Act kind="main" needs={action.scope} running={write.running}>
          Send {action.action}
        </Act>
      </div>
      <Told write={write} id={scene.id} action={action.action} inForm={text === null} />
      <Curl sent={sent} />
      {asking !== null && (
        <Confirm
          title={`${action.action}?`}
          action={`Send ${action.action}`}
          write={{ ...write, problem: null, told: undefined, run: confirmed }}
          onClose={() => setAsking(null)}
        >
          {asking}
        </Confirm>
      )}
    </form>
  );
}

function Switch({
  asText,
  toText,
  toForm,
}: {
  asText: boolean;
  toText: () => void;
  toForm: () => void;
}) {
  return (
    <div className="ranges" role="group" aria-label="How to fill it in">
      <button type="button" aria-pressed={!asText} onClick={() => asText && toForm()}>
        Form
      </button>
      <button type="button" aria-pressed={asText} onClick={() => asText || toText()}>
        JSON
      </button>
    </div>
  );
}

function Told({
  write,
  id,
  action,
  inForm,
}: {
  write: Write<void, unknown>;
  id: string;
  action: string;
  inForm: boolean;
}) {
  if (write.running) return null;
  return (
    <>
      {write.told !== undefined && (
        <>
          <Answer told={write.told} whole />
          <Late id={id} action={action} />
        </>
      )}
      <NoAnswer
        problem={write.problem}
        shown={inForm ? Object.keys(write.problem?.fields ?? {}) : []}
      />
    </>
  );
}
