/** A state in words and colour: the word alone is enough. */

const TONES: Record<string, string> = {
  // of chargers and connectors
  charging: "busy",
  occupied: "busy",
  preparing: "busy",
  finishing: "busy",
  suspendedev: "busy",
  suspendedevse: "busy",
  reserved: "busy",
  available: "good",
  faulted: "bad",
  offline: "off",
  unavailable: "off",
  unknown: "off",
  // of target links
  ready: "good",
  dialing: "wait",
  booting: "wait",
  pending: "wait",
  backoff: "bad",
  rejected: "bad",
  incompatible: "bad",
  disabled: "off",
  // of sinks, rollouts, commands
  running: "good",
  error: "bad",
  done: "good",
  failed: "bad",
  accepted: "good",
  applied: "good",
  halted: "wait",
};

export function tone(state: string): string {
  return TONES[state.toLowerCase()] ?? "off";
}

export function State({ of, title }: { of: string; title?: string | null | undefined }) {
  return (
    <span className={`state ${tone(of)}`} {...(title ? { title } : {})}>
      {of}
    </span>
  );
}

/** How a live view stands; `why` is known of some that are lost. */
export function Live({
  liveness,
  why,
}: {
  liveness: "connecting" | "live" | "lost";
  why?: string | undefined;
}) {
  const words = { connecting: "connecting", live: "live", lost: "not live, tried again" };
  const tones = { connecting: "wait", live: "good", lost: "bad" };
  return (
    <span className={`state ${tones[liveness]}`} role="status" title={why}>
      {words[liveness]}
    </span>
  );
}
