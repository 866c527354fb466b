/** Power limits: one number for a place, or for a transaction. */

import {
  evseField,
  type FieldOf,
  given,
  type Operation,
  placePath,
  type Scene,
  stationPath,
  transactionName,
  type Values,
} from "./operations";

/** The group of all that limits power. */
export const POWER = "Power";

const UNITS = [
  ["acMaxPowerKw", "kW, alternating current"],
  ["acMaxPowerA", "A on each phase"],
  ["dcMaxPowerKw", "kW, direct current"],
] as const;

/** A limit is of the station, an EVSE or a running transaction: "0", "1", "tx:418". */
function scope(scene: Scene): FieldOf {
  const running = scene.station.runningTransactions.map(
    (one) => [`tx:${one.transactionId}`, `Transaction ${transactionName(one)}`] as const,
  );
  const place = evseField(scene, { whole: "Whole station" });
  return { ...place, options: [...(place.options ?? []), ...running], paths: ["transactionId"] };
}

function limitPath({ id }: Scene, { evse = "0" }: Values): string {
  const place = evse.startsWith("tx:")
    ? `${stationPath(id)}/transactions/${encodeURIComponent(evse.slice(3))}`
    : placePath(id, evse);
  return `${place}/powerLimit`;
}

const CONDITIONS = [
  ["", "always"],
  ["whenNoCloudConnection", "while the charger has no connection"],
  ["whenSessionNotAuthorized", "while nobody is authorized"],
] as const;

export const limits: readonly Operation[] = [
  {
    id: "limit",
    group: POWER,
    title: "Power limit",
    about:
      "Holds whatever a target sets, until it is lifted; that of a transaction goes with it. " +
      "The same place and options once more replace it.",
    verb: "Set limit",
    initial: () => ({ evse: "0", unit: "acMaxPowerKw" }),
    fields: (scene, { unit = "acMaxPowerKw" }) => [
      scope(scene),
      {
        name: "value",
        label: "Limit",
        kind: "number",
        required: true,
        min: 0,
        paths: [`limit.${unit}`, "limit"],
      },
      { name: "unit", label: "Unit", kind: "select", options: UNITS },
      { name: "comment", label: "Comment", more: true, hint: "Kept with author and time." },
      { name: "condition", label: "Counts", kind: "select", options: CONDITIONS, more: true },
      {
        name: "relativeDelay",
        label: "Begins after",
        hint: "s from the start of charging.",
        kind: "number",
        min: 0,
        more: true,
      },
      {
        name: "stackLevel",
        label: "Stack level",
        hint: "Orders your own limits: the highest holds.",
        kind: "number",
        min: 0,
        more: true,
      },
      {
        name: "chargingProfileId",
        label: "Charging profile id",
        hint: "Makes it a limit of its own beside the usual one.",
        kind: "number",
        min: 1,
        more: true,
      },
    ],
    request: (scene, values) => ({
      method: "PUT",
      path: limitPath(scene, values),
      body: {
        limit: { [values.unit ?? "acMaxPowerKw"]: Number(values.value) },
        ...given(
          values,
          ["comment", "condition"],
          ["relativeDelay", "stackLevel", "chargingProfileId"],
        ),
      },
    }),
  },
  {
    id: "lift",
    group: POWER,
    title: "Lift power limits",
    about: "Lifts all power limits of one place, whatever their options.",
    verb: "Lift limits",
    initial: () => ({ evse: "0" }),
    fields: (scene) => [scope(scene)],
    request: (scene, values) => ({ method: "DELETE", path: limitPath(scene, values) }),
    asks: () => "The charger may take as much as its own settings and other limits allow.",
  },
];
