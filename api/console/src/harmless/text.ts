/** Show what strangers have written so that it changes nothing but its own place. */

// Controls (but for line ends and tabulators), what turns the direction of reading, what is not seen.
const UNSEEN =
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|(?<=[ -~])[\u200c\u200d]/gu;
const RIGHT_TO_LEFT =
  /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** Return a text with its unseen characters named: "[U+202E]". */
export function visible(text: string): string {
  return text.replace(UNSEEN, (one) => {
    const code = one.codePointAt(0) ?? 0;
    return `[U+${code.toString(16).toUpperCase().padStart(4, "0")}]`;
  });
}

/** Tell of a text that is read from the right, which would draw along what stands beside it. */
export function turns(text: string): boolean {
  return RIGHT_TO_LEFT.test(text);
}

/** Return a text for where there is only text: a title, a label, an option. */
export function harmless(text: string): string {
  const shown = visible(text);
  return turns(shown) ? `\u2068${shown}\u2069` : shown;
}
