/** What was wrong with which field, as a 422 tells it. */

import type { Problem } from "./client";

/** Return what is wrong with a field, by its name or its dotted path; null: nothing. */
export function fieldError(problem: Problem | null, ...names: string[]): string | null {
  if (!problem) return null;
  const told = names.flatMap((name) => words(at(problem.fields, name)));
  return told.length > 0 ? told.join(" ") : null;
}

/** Return what is wrong elsewhere than in fields that a form shows: "field: what". */
export function otherErrors(problem: Problem, shown: readonly string[]): string[] {
  return Object.entries(problem.fields)
    .filter(([name]) => !shown.some((one) => one === name || one.startsWith(`${name}.`)))
    .map(([name, told]) => `${name}: ${words(told).join(" ")}`);
}

function at(fields: Record<string, unknown>, path: string): unknown {
  if (path in fields) return fields[path];
  return path
    .split(".")
    .reduce<unknown>(
      (within, name) =>
        within !== null && typeof within === "object"
          ? (within as Record<string, unknown>)[name]
          : undefined,
      fields,
    );
}

function words(told: unknown): string[] {
  if (typeof told === "string") return [told];
  if (Array.isArray(told)) return told.flatMap(words);
  if (told !== null && typeof told === "object") return Object.values(told).flatMap(words);
  return [];
}
