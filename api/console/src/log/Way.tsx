/** Who passes a message to whom, in words and arrows. */

import { Fragment } from "react";
import type { Exchange } from "./pairing";
import { way } from "./words";

export function Way({ of }: { of: Exchange }) {
  const names = way(of);
  return (
    <span className={`way from-${names[0]}`}>
      {names.map((name, place) => (
        <Fragment key={place === 0 ? "by" : `${place}`}>
          {place > 0 && (
            <span className="arrow" aria-label="to" role="img">
              {" → "}
            </span>
          )}
          {place === 0 ? name.charAt(0).toUpperCase() + name.slice(1) : name}
        </Fragment>
      ))}
    </span>
  );
}
