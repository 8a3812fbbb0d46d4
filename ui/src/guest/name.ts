/** Names of other people as they may be shown, by the same rules as `name.rs` of the contract. Pure. */

/** The longest name of a member, in bytes of UTF-8: a relay refuses a longer one. */
const MAX_NAME_BYTES = 128;

/** The most marks above and below one letter; with more a name covers the lines around it. */
const MAX_MARKS = 4;

const SPACE = /^\p{White_Space}$/u;
const CONTROL = /^[\p{Cc}\p{Cs}]$/u;

/** Zero width non-joiner and joiner. */
const JOINER = /^[\u200c\u200d]$/u;

/** What can be put above, below and around any letter (Unicode's blocks of combining marks). */
const MARK = /^[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]$/u;

/** Unicode's Bidi_Control characters (UAX #9), and the deprecated ones of their kind. */
const BIDI_CONTROL = /^[\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f]$/u;

/** What is drawn as nothing, and what stands for no character; `name.rs` says of what these are. */
const INVISIBLE =
  /^[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u2800\u3164\ue000-\uf8ff\ufeff\uffa0\ufff0-\uffff\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}\u{f0000}-\u{10ffff}]$/u;

const bytesOf = (character: string): number => new TextEncoder().encode(character).length;

/** Returns true for the last two code points of each plane, which are never characters. */
const isNoCharacter = (character: string): boolean => ((character.codePointAt(0) ?? 0) & 0xfffe) === 0xfffe;

function isHidden(character: string): boolean {
  // A tab or the end of a line is a space.
  if (SPACE.test(character)) return false;
  return CONTROL.test(character) || BIDI_CONTROL.test(character) || INVISIBLE.test(character) || isNoCharacter(character);
}

/**
 * Returns the name without the characters that would let it pass for another or reach beyond its place on the screen, cut
 * at the end of a character to as many bytes as a relay takes.
 */
export function cleanName(name: string): string {
  let [cleaned, between, marks, length] = ["", "", 0, 0];
  for (const character of name) {
    if (isHidden(character)) continue;
    if (SPACE.test(character)) {
      between = " ";
      continue;
    }
    if (JOINER.test(character)) {
      between ||= character;
      continue;
    }
    marks = MARK.test(character) ? marks + 1 : 0;
    if (marks > MAX_MARKS) continue;
    // What stands between two characters that can be seen, and not before the first.
    const added = (cleaned === "" ? "" : between) + character;
    between = "";
    length += bytesOf(added);
    if (length > MAX_NAME_BYTES) break;
    cleaned += added;
  }
  return cleaned;
}

/** The own name as it is sent and proven: cut at the end of a character. */
export function cutName(name: string): string {
  const { read } = new TextEncoder().encodeInto(name, new Uint8Array(MAX_NAME_BYTES));
  return name.slice(0, read).replace(/\p{Cs}/gu, "\ufffd");
}
