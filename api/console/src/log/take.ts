/** What one takes along of an exchange: its JSON, and requests to be pasted into a shell. */

import { place } from "../lib/place";
import type { Frame, Said } from "./frame";
import type { Exchange } from "./pairing";

type Member = [name: string, json: string];

/** Return an exchange as JSON; what was said stands in it digit by digit. */
export function asJson(exchange: Exchange): string {
  const legs = [exchange, ...exchange.passedOn].map(({ call, answer }) => {
    const answered: Member = ["answer", answer ? object(spoken(answer)) : "null"];
    const members = [...about(call), answered].map(member);
    return `    {\n      ${members.join(",\n      ")}\n    }`;
  });
  return `{\n  "legs": [\n${legs.join(",\n")}\n  ]\n}\n`;
}

function about(call: Said): Member[] {
  const names = ["charge_box_id", "direction", "ocpp_version", "message_id", "action"] as const;
  return [
    ...names.map((name): Member => [name, JSON.stringify(call[name])]),
    ["proxy_configuration_id", JSON.stringify(call.proxy_configuration_id)],
    ["origin", JSON.stringify(call.origin)],
    ...spoken(call),
  ];
}

function spoken(frame: Frame): Member[] {
  const members: Member[] = [
    ["seq", String(frame.seq)],
    ["timestamp", JSON.stringify(frame.timestamp)],
    ["message_type", JSON.stringify(frame.message_type)],
  ];
  if (frame.raw !== null) members.push(["raw", JSON.stringify(frame.raw)]);
  if (frame.error_code !== null) {
    members.push(["error_code", JSON.stringify(frame.error_code)]);
    members.push(["error_description", JSON.stringify(frame.error_description)]);
  }
  const name = frame.error_code === null ? "payload" : "error_details";
  if (frame.text !== null) members.push([name, frame.text]);
  return members;
}

function member([name, json]: Member): string {
  return `${JSON.stringify(name)}: ${json}`;
}

function object(members: Member[]): string {
  return `{${members.map(member).join(", ")}}`;
}

/** Return the request that reads a message again. */
export function readAgain({ charge_box_id, message_id, timestamp }: Said, base: string): string {
  const since = message_id ? "" : timestamp;
  const query = { charge_box_id, message_id: message_id ?? "", since, pretty: "true" };
  return `curl ${quoted(place(`${base}/messages`, query))} -H "x-api-key: $KEY"`;
}

/** Return the request that asks the charger for the same again. */
export function commandAgain(call: Said, origin: string): string {
  const station = `${origin}/api/chargingStations/${encodeURIComponent(call.charge_box_id)}`;
  const url = `${station}/commands/${encodeURIComponent(call.action ?? "")}`;
  return [
    `curl -X POST ${quoted(url)}`,
    '-H "x-api-key: $KEY"',
    "-H 'Content-Type: application/json'",
    `-d ${quoted(call.text ?? "{}")}`,
  ].join(" ");
}

/** Quote a text for a shell, whatever is in it. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
