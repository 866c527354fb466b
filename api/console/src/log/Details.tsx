/** An exchange in full: both legs side by side, and what one takes along of it. */

import { number } from "../lib/format";
import { own } from "../lib/client";
import { chargerPath, place } from "../lib/place";
import { CopyButton } from "../parts/Copy";
import { Dialog } from "../parts/Dialog";
import { type Frame, type Said, wire } from "./frame";
import { JsonTree } from "./JsonTree";
import type { Exchange, Leg } from "./pairing";
import { asJson, commandAgain, readAgain } from "./take";
import { Way } from "./Way";
import { clock, day, isOwnCommand, outcome, took, WAYS } from "./words";

export interface DetailsProps {
  exchange: Exchange;
  now: number;
  onClose: () => void;
}

export function Details({ exchange, now, onClose }: DetailsProps) {
  const { call, passedOn } = exchange;
  const command = isOwnCommand(call);
  return (
    <Dialog title={call.action ?? "A frame that cannot be read"} onClose={onClose} wide>
      <div className="head">
        <a href={`#${chargerPath(call.charge_box_id)}`}>{call.charge_box_id}</a>
        <Way of={exchange} />
        <span className="quiet">
          {day(call.timestamp, now)} {clock(call.timestamp)} · OCPP {call.ocpp_version}
        </span>
      </div>
      <div className="actions start">
        <CopyButton text={asJson(exchange)} label="Copy as JSON" />
        <CopyButton text={readAgain(call, location.origin + own(""))} label="Copy as curl" />
        {command && (
          <CopyButton text={commandAgain(call, location.origin)} label="Copy command as curl" />
        )}
      </div>
      <div className="legs">
        {[exchange, ...passedOn].map((leg) => (
          <LegCard key={leg.call.seq} leg={leg} now={now} />
        ))}
      </div>
      <Missing call={call} />
    </Dialog>
  );
}

/** Say where the other leg is, where it is not among what is shown. */
function Missing({ call }: { call: Said }) {
  if (call.origin === null) return null;
  const all = place("/messages", { charge_box_id: call.charge_box_id, action: call.action ?? "" });
  return (
    <p className="quiet">
      This passes on message {call.origin}, which is not among those that are shown.{" "}
      <a href={`#${all}`}>Show all {call.action} of this charger</a>
    </p>
  );
}

function LegCard({ leg, now }: { leg: Leg; now: number }) {
  const { call, answer } = leg;
  const [by, to] = WAYS[call.direction];
  const { word, tone } = outcome(leg, now);
  return (
    <section className="leg" aria-label={`${by} to ${to}`}>
      <h3>
        {capital(by)} → {to}
      </h3>
      <dl>
        <dt>Message id</dt>
        <dd>
          <code>{call.message_id ?? "none"}</code>
        </dd>
        <dt>Position</dt>
        <dd>
          {call.seq}
          {answer && `, answer ${answer.seq}`}
        </dd>
        <dt>Outcome</dt>
        <dd>
          <span className={`state ${tone}`}>{word}</span> {took(leg)}
        </dd>
        {call.maybe_duplicate && (
          <>
            <dt>Attempt</dt>
            <dd>The target may have had it before: an earlier attempt ended without an answer.</dd>
          </>
        )}
      </dl>
      <Content frame={call} what={call.message_type} />
      {answer && <Content frame={answer} what={answer.message_type} />}
      <details className="wire">
        <summary>As on the wire</summary>
        <Wire frame={call} id={call.message_id} action={call.action} />
        {answer && <Wire frame={answer} id={call.message_id} action={null} />}
      </details>
    </section>
  );
}

function Content({ frame, what }: { frame: Frame; what: string }) {
  return (
    <>
      <h4>
        {what} <span className="quiet">{clock(frame.timestamp)}</span>
      </h4>
      {frame.error_code !== null && (
        <p className="wrong">
          <strong>{frame.error_code}</strong> {frame.error_description}
        </p>
      )}
      {frame.raw !== null && <pre className="raw">{frame.raw}</pre>}
      {frame.left_out !== null && (
        <p className="quiet">
          Its {number(frame.left_out)} bytes are not told live. Copy it as curl to read it.
        </p>
      )}
      {frame.text !== null && <JsonTree text={frame.text} label={`Payload of the ${what}`} />}
    </>
  );
}

function Wire(said: { frame: Frame; id: string | null; action: string | null }) {
  const text = wire(said.frame, said.id, said.action);
  return text === null ? null : <pre className="raw">{text}</pre>;
}

function capital(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
