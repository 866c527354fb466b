/** The same request for a shell, to be copied. */

import { CopyButton } from "../parts/Copy";
import { curlOf } from "./shell";
import type { Sent } from "./operations";

export function Curl({ sent }: { sent: Sent }) {
  const text = curlOf(sent, location.origin);
  return (
    <details className="curl">
      <summary>As curl</summary>
      <pre tabIndex={0} role="region" aria-label="The request as curl">
        {text}
      </pre>
      <CopyButton text={text} label="Copy as curl" />
    </details>
  );
}
