/** Draw a part anew from time to time: how long ago something was is told in it. */

import { useEffect, useState } from "react";

export function useTick(seconds: number): void {
  const [, setTicks] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => setTicks((before) => before + 1), seconds * 1000);
    return () => clearInterval(timer);
  }, [seconds]);
}
