/** Charging profiles: plans of limits over time. */

import { withQuery } from "../lib/client";
import {
  evseField,
  given,
  momentOf,
  type Operation,
  placePath,
  stationPath,
  type Values,
} from "./operations";
import { POWER } from "./operationsOfLimits";

const PERIODS_HINT =
  "One a line: from which minute on, and the limit: “0 32”. A third number is the phases.";

export const profiles: readonly Operation[] = [
  {
    id: "profile",
    group: POWER,
    title: "Charging profile",
    about: "A plan of limits over time. It is never above a power limit, nor above a target's.",
    verb: "Set profile",
    initial: () => ({
      evse: "1",
      purpose: "TxDefaultProfile",
      kind: "Absolute",
      unit: "A",
      periods: "0 32\n60 16",
    }),
    fields: (scene, values) => [
      evseField(scene, { whole: "Whole station" }),
      {
        name: "purpose",
        label: "Purpose",
        kind: "select",
        options: ["TxDefaultProfile", "TxProfile", "ChargingStationMaxProfile"].map((each) => [
          each,
          each,
        ]),
        paths: ["chargingProfile.chargingProfilePurpose"],
      },
      {
        name: "kind",
        label: "Kind",
        kind: "select",
        options: [
          ["Absolute", "Absolute: from a moment on"],
          ["Daily", "Recurring every day"],
          ["Weekly", "Recurring every week"],
          ["Relative", "Relative: from the start of charging on"],
        ],
        paths: ["chargingProfile.chargingProfileKind", "chargingProfile.recurrencyKind"],
      },
      {
        name: "unit",
        label: "Unit",
        kind: "select",
        options: [
          ["A", "A on each phase"],
          ["W", "W"],
        ],
        paths: ["chargingProfile.chargingSchedule.0.chargingRateUnit"],
      },
      {
        name: "periods",
        label: "Periods",
        kind: "lines",
        hint: PERIODS_HINT,
        required: true,
        paths: ["chargingProfile.chargingSchedule"],
      },
      ...(values.kind === "Relative"
        ? []
        : [
            {
              name: "start",
              label: "Schedule starts",
              kind: "moment" as const,
              hint: "Without it an absolute schedule begins now; a recurring one needs it.",
              paths: ["chargingProfile.startSchedule"],
            },
          ]),
      {
        name: "transactionId",
        label: "Transaction",
        hint: "Of a TxProfile; without it the one that runs there.",
        more: true,
        paths: ["chargingProfile.transactionId"],
      },
      {
        name: "id",
        label: "Id",
        hint: "Without it a free one; the same id replaces.",
        kind: "number",
        min: 1,
        more: true,
        paths: ["chargingProfile.id"],
      },
      {
        name: "stackLevel",
        label: "Stack level",
        kind: "number",
        min: 0,
        more: true,
        paths: ["chargingProfile.stackLevel"],
      },
      {
        name: "validTo",
        label: "Valid until",
        kind: "moment",
        more: true,
        paths: ["chargingProfile.validTo"],
      },
    ],
    request: (scene, values) => ({
      method: "PUT",
      path: `${placePath(scene.id, values.evse)}/chargingProfile`,
      body: { chargingProfile: profileOf(values) },
    }),
  },
  {
    id: "unprofile",
    group: POWER,
    title: "Take back profiles",
    about: "Takes back the charging profile with an id, or all of a place. Power limits stay.",
    verb: "Take back",
    initial: () => ({ evse: "0" }),
    fields: (scene) => [
      evseField(scene, { whole: "Whole station" }),
      {
        name: "id",
        label: "Charging profile id",
        hint: "Without it all of the place.",
        kind: "number",
        min: 0,
        paths: ["chargingProfileId"],
      },
    ],
    request: ({ id }, values) => ({
      method: "POST",
      path: `${stationPath(id)}/chargingProfile/clear`,
      body: values.id
        ? { chargingProfileId: Number(values.id) }
        : { chargingProfileCriteria: { evseId: Number(values.evse) } },
    }),
    asks: (_, values) => (values.id ? null : "All charging profiles of this place are taken back."),
  },
  {
    id: "composite",
    group: POWER,
    title: "Composite schedule",
    about:
      "Asks the charger for the schedule that it reckons with, and shows beside it the one that " +
      "follows from our books.",
    verb: "Ask",
    needs: "read",
    initial: () => ({ evse: "0", hours: "24" }),
    fields: (scene) => [
      evseField(scene, { whole: "Whole station" }),
      { name: "hours", label: "For how many hours", kind: "number", min: 1, max: 168 },
      {
        name: "unit",
        label: "Unit",
        kind: "select",
        options: [
          ["", "as the charger has it"],
          ["W", "W"],
          ["A", "A"],
        ],
      },
    ],
    request: ({ id }, { evse = "0", hours, unit }) => ({
      method: "GET",
      path: withQuery(`${stationPath(id)}/compositeSchedule`, {
        evseId: evse,
        duration: Number(hours || 24) * 3600,
        unit,
      }),
    }),
  },
];

/** Return the profile that the fields describe, in the shape of OCPP 2.0.1. */
export function profileOf(values: Values): object {
  const recurring = values.kind === "Daily" || values.kind === "Weekly";
  const start = values.kind === "Relative" ? undefined : momentOf(values.start);
  const validTo = momentOf(values.validTo);
  return {
    ...given(values, ["transactionId"], ["id", "stackLevel"]),
    ...(validTo ? { validTo } : {}),
    chargingProfilePurpose: values.purpose,
    chargingProfileKind: recurring ? "Recurring" : values.kind,
    ...(recurring ? { recurrencyKind: values.kind } : {}),
    chargingSchedule: [
      {
        chargingRateUnit: values.unit,
        ...(start ? { startSchedule: start } : {}),
        chargingSchedulePeriod: periodsOf(values.periods ?? ""),
      },
    ],
  };
}

/** Read the lines of periods; what is no number is left to the server to refuse. */
export function periodsOf(lines: string): object[] {
  return lines
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line) => {
      const [minute, limit, phases] = line.split(/[\s;]+/).map(number);
      return {
        startPeriod: typeof minute === "number" ? minute * 60 : minute,
        limit: limit ?? null,
        ...(phases === undefined ? {} : { numberPhases: phases }),
      };
    });
}

function number(word: string): number | string {
  const read = Number(word.replace(",", "."));
  return Number.isNaN(read) ? word : read;
}
