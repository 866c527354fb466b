/** What is asked of chargers most, each with a form of its own. */

import type { Operation } from "./operations";
import { charging } from "./operationsOfCharging";
import { configuration } from "./operationsOfConfiguration";
import { limits } from "./operationsOfLimits";
import { profiles } from "./operationsOfProfiles";
import { upkeep } from "./operationsOfUpkeep";

export const OPERATIONS: readonly Operation[] = [
  ...limits,
  ...profiles,
  ...charging,
  ...upkeep,
  ...configuration,
];

/** Return the operations that a charger of this version can be asked for. */
export function operationsFor(version: string | null): readonly Operation[] {
  return OPERATIONS.filter(({ only }) => !only || version === null || version.startsWith(only));
}

/** Return an operation by its id. */
export function operation(id: string): Operation {
  const found = OPERATIONS.find((one) => one.id === id);
  if (!found) throw new Error(`There is no operation ${id}.`);
  return found;
}
