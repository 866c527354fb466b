/** Availability, unlocking, restarts, triggers. */

import {
  commandPath,
  evseField,
  given,
  type Operation,
  placePath,
  type Scene,
  stationPath,
} from "./operations";

const PLACE = "Station";

const TRIGGERS_16 = [
  "StatusNotification",
  "MeterValues",
  "BootNotification",
  "Heartbeat",
  "FirmwareStatusNotification",
  "DiagnosticsStatusNotification",
];
const TRIGGERS_2 = [
  "StatusNotification",
  "MeterValues",
  "TransactionEvent",
  "BootNotification",
  "Heartbeat",
  "LogStatusNotification",
  "FirmwareStatusNotification",
];

function is16({ version }: Scene): boolean {
  return version?.startsWith("1") ?? false;
}

export const upkeep: readonly Operation[] = [
  {
    id: "availability",
    group: PLACE,
    title: "Availability",
    about: "Opens or closes the station or an EVSE. A running session goes on first.",
    verb: "Change availability",
    initial: () => ({ evse: "0", type: "Inoperative" }),
    fields: (scene) => [
      evseField(scene, { whole: "Whole station" }),
      {
        name: "type",
        label: "Availability",
        kind: "select",
        options: [
          ["Inoperative", "Inoperative: nobody can charge"],
          ["Operative", "Operative: open for charging"],
        ],
      },
      {
        name: "disableTextReason",
        label: "Reason",
        hint: "Kept and shown; the charger is not told.",
      },
    ],
    request: ({ id }, values) => ({
      method: "PUT",
      path: `${placePath(id, values.evse)}/availability`,
      body: given(values, ["type", "disableTextReason"]),
    }),
  },
  {
    id: "unlock",
    group: PLACE,
    title: "Unlock cable",
    about: "Releases the cable of a connector; on most chargers that ends its transaction.",
    verb: "Unlock",
    initial: () => ({ evse: "1" }),
    fields: (scene) => [
      evseField(scene),
      ...(is16(scene)
        ? []
        : [
            {
              name: "connectorId",
              label: "Connector",
              kind: "number" as const,
              min: 1,
              hint: "Without it the first of the EVSE.",
              more: true,
            },
          ]),
    ],
    request: ({ id }, values) => ({
      method: "POST",
      path: `${placePath(id, values.evse)}/unlock`,
      body: given(values, [], ["connectorId"]),
    }),
    asks: (_, values) => `The cable of EVSE ${values.evse} is released.`,
  },
  {
    id: "reset",
    group: PLACE,
    title: "Restart",
    about: "Restarts the charger, now or when nothing goes on there.",
    verb: "Restart",
    initial: () => ({ type: "OnIdle", evse: "0" }),
    fields: (scene) => [
      {
        name: "type",
        label: "When",
        kind: "select",
        options: [
          ["OnIdle", "OnIdle: when nobody charges"],
          ["Immediate", "Immediate: transactions are ended first"],
          ...(is16(scene) ? [["hard", "Hard: at once; messages may get lost"] as const] : []),
        ],
      },
      ...(is16(scene) ? [] : [evseField(scene, { whole: "Whole station" })]),
    ],
    request: ({ id }, { type, evse }) => {
      const options = new URLSearchParams({
        ...(type === "hard" ? { hard: "true" } : {}),
        ...(evse && evse !== "0" ? { evseId: evse } : {}),
      }).toString();
      return {
        method: "POST",
        path: `${stationPath(id)}/reset${options && `?${options}`}`,
        body: { type: type === "hard" ? "Immediate" : type },
      };
    },
    asks: ({ station }, { type }) =>
      type === "OnIdle"
        ? "The charger restarts as soon as nobody charges there."
        : `The charger restarts now${
            station.runningTransactions.length ? "; running transactions end" : ""
          }.`,
  },
  {
    id: "trigger",
    group: PLACE,
    title: "Trigger message",
    about: "Has the charger send a message now.",
    verb: "Trigger",
    initial: () => ({ requestedMessage: "StatusNotification", evse: "0" }),
    fields: (scene) => [
      {
        name: "requestedMessage",
        label: "Message",
        kind: "select",
        options: (is16(scene) ? TRIGGERS_16 : TRIGGERS_2).map((each) => [each, each] as const),
      },
      evseField(scene, { whole: "Wherever it applies" }),
    ],
    request: (scene, { requestedMessage, evse }) => {
      const place = is16(scene) ? { connectorId: Number(evse) } : { evse: { id: Number(evse) } };
      return {
        method: "POST",
        path: commandPath(scene.id, "TriggerMessage"),
        body: { requestedMessage, ...(evse && evse !== "0" ? place : {}) },
      };
    },
  },
];
