/** Write a request as one would send it from a shell. */

import { quoted } from "../log/take";
import type { Sent } from "./operations";

/** Return the command; the key stays out of it. */
export function curlOf({ method, path, body, text }: Sent, origin: string): string {
  const parts = [
    `curl -X ${method} ${quoted(origin + path)}`,
    '-H "x-api-key: $KEY"',
    ...(body === undefined
      ? []
      : ["-H 'Content-Type: application/json'", `-d ${quoted(text ?? JSON.stringify(body))}`]),
  ];
  return parts.join(" \\\n  ");
}
