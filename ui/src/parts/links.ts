/** The web addresses in a line that a stranger wrote. Pure. */

export interface Piece {
  text: string;
  /** Where it leads; absent: plain text. */
  href?: string;
}

/** What looks like an address: no white space, quotes, angle brackets, control or direction characters. */
const ADDRESS = /\bhttps?:\/\/[^\s<>"'`\p{Cc}\p{Cf}]+/giu;
/** Marks at the end that belong to the sentence. */
const TAIL = /[.,:;!?…。，、；：！？)\]}）】》”’]+$/u;

/** The line in pieces, which put together are the line again. */
export function pieces(line: string): Piece[] {
  const found: Piece[] = [];
  let end = 0;
  for (const match of line.matchAll(ADDRESS)) {
    const text = trimmed(match[0]);
    const href = addressOf(text);
    if (href === null) continue;
    if (match.index > end) found.push({ text: line.slice(end, match.index) });
    found.push({ text, href });
    end = match.index + text.length;
  }
  if (end < line.length) found.push({ text: line.slice(end) });
  return found;
}

/** Without the sentence's marks; a bracket that was opened within the address stays. */
function trimmed(text: string): string {
  const bare = text.replace(TAIL, "");
  const opened = (bare.match(/\(/g)?.length ?? 0) - (bare.match(/\)/g)?.length ?? 0);
  return opened > 0 && text[bare.length] === ")" ? `${bare})` : bare;
}

/** The whole address; `null` for what is none, or is made to look like another's by a name before an `@`. */
function addressOf(text: string): string | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const web = url.protocol === "http:" || url.protocol === "https:";
  return web && url.username === "" && url.password === "" ? url.href : null;
}
