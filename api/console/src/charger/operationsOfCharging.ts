/** Start, stop, reservations. */

import {
  evseField,
  type FieldOf,
  given,
  momentOf,
  type Operation,
  placePath,
  type Scene,
  stationPath,
  transactionName,
} from "./operations";

const GROUP = "Charging";

const TOKEN_TYPES = [
  ["RFID", "RFID card"],
  ["APP_USER", "user of an app"],
  ["AD_HOC_USER", "ad-hoc user"],
  ["OTHER", "other"],
] as const;

function transaction({ station }: Scene): FieldOf {
  const running = station.runningTransactions.map(
    (one) => [one.transactionId, transactionName(one)] as const,
  );
  if (running.length) {
    return { name: "transactionId", label: "Transaction", kind: "select", options: running };
  }
  const hint = "None is running by our books.";
  return { name: "transactionId", label: "Transaction id", hint, required: true };
}

export const charging: readonly Operation[] = [
  {
    id: "start",
    group: GROUP,
    title: "Start",
    about: "Asks the charger to start a transaction. The answer says that it will try.",
    verb: "Start",
    initial: () => ({ evse: "1", idTokenType: "RFID" }),
    fields: (scene) => [
      evseField(scene),
      {
        name: "idToken",
        label: "Token",
        hint: "Without one an ad-hoc token is made.",
      },
      { name: "idTokenType", label: "Token type", kind: "select", options: TOKEN_TYPES },
      { name: "contractId", label: "Contract id (eMAID)", more: true },
      { name: "authorizationReference", label: "Authorization reference", more: true },
      { name: "idTokenIssuer", label: "Token issuer", more: true },
      {
        name: "limitKw",
        label: "Limit in kW",
        hint: "Goes along as a TxProfile of the transaction to come.",
        kind: "number",
        min: 0,
        more: true,
        paths: ["chargingProfile"],
      },
    ],
    request: ({ id }, values) => ({
      method: "POST",
      path: `${placePath(id, values.evse)}/transactions`,
      body: {
        ...given(values, [
          "idToken",
          "idTokenType",
          "contractId",
          "authorizationReference",
          "idTokenIssuer",
        ]),
        ...(values.limitKw ? { chargingProfile: limited(Number(values.limitKw)) } : {}),
      },
    }),
  },
  {
    id: "stop",
    group: GROUP,
    title: "Stop",
    about: "Asks the charger to end a transaction.",
    verb: "Stop",
    initial: ({ station }) => ({
      transactionId: station.runningTransactions[0]?.transactionId ?? "",
    }),
    fields: (scene) => [transaction(scene)],
    request: ({ id }, values) => ({
      method: "POST",
      path: `${stationPath(id)}/transactions/${encodeURIComponent(values.transactionId ?? "")}/stop`,
      body: {},
    }),
    asks: (_, values) =>
      `Transaction ${values.transactionId} ends, and whoever charges there with it.`,
  },
  {
    id: "reserve",
    group: GROUP,
    title: "Reserve",
    about: "Keeps an EVSE for a token until a moment.",
    verb: "Reserve",
    initial: () => ({ evse: "1", idTokenType: "RFID", expiresAt: localIn(60) }),
    fields: (scene) => [
      evseField(scene, { whole: "Any EVSE" }),
      { name: "idToken", label: "Token", required: true },
      { name: "idTokenType", label: "Token type", kind: "select", options: TOKEN_TYPES },
      { name: "expiresAt", label: "Until", kind: "moment", required: true },
      {
        name: "groupIdToken",
        label: "Group token",
        hint: "May use the reservation as well.",
        more: true,
      },
    ],
    request: ({ id }, values) => ({
      method: "POST",
      path: `${placePath(id, values.evse)}/reservations`,
      body: {
        ...given(values, ["idToken", "idTokenType", "groupIdToken"]),
        expiresAt: momentOf(values.expiresAt) ?? values.expiresAt,
      },
    }),
  },
  {
    id: "unreserve",
    group: GROUP,
    title: "Cancel reservation",
    about: "Takes a reservation back. Which there are is listed below.",
    verb: "Cancel reservation",
    fields: () => [
      {
        name: "reservationId",
        label: "Reservation id",
        kind: "number",
        required: true,
        min: 0,
      },
    ],
    request: ({ id }, values) => ({
      method: "DELETE",
      path: `${stationPath(id)}/reservations/${encodeURIComponent(values.reservationId ?? "")}`,
    }),
  },
];

function limited(kw: number): object {
  return {
    chargingProfilePurpose: "TxProfile",
    chargingProfileKind: "Relative",
    chargingSchedule: [
      {
        chargingRateUnit: "W",
        chargingSchedulePeriod: [{ startPeriod: 0, limit: Math.round(kw * 1000) }],
      },
    ],
  };
}

/** Return the moment so many minutes from now, as an input of local time takes it. */
export function localIn(minutes: number, now = new Date()): string {
  const local = now.getTime() + minutes * 60_000 - now.getTimezoneOffset() * 60_000;
  return new Date(local).toISOString().slice(0, 16);
}
