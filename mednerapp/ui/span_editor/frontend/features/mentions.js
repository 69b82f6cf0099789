// Finding every place where a text holds the same words as a mention. The same rule as mednerapp/domain/mentions.py;
// tests/domain/mention_cases.json holds both to it.

// The blanks of ECMAScript without the byte order mark, so that Python and JavaScript find the same.
const BLANK = '[\\t-\\r \\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const COMBINES = '[\\p{M}\\u1160-\\u11ff]'; // marks, and the vowels and finals that complete a Korean syllable
const BLANKS = new RegExp(`${BLANK}+`, 'gu');
const EDGES = new RegExp(`^${BLANK}+|${BLANK}+$`, 'gu');
const ALL_BLANK = new RegExp(`^${BLANK}+$`, 'u');
const UNIT = new RegExp(`${BLANK}+(?!${COMBINES})|.${COMBINES}*`, 'gsu');
const ASCII = /^[\x00-\x7f]*$/;
const WORD = /[\p{L}\p{M}\p{N}_]/u;

/**
 * The places in `text` that hold the same as `mention`: equal after Unicode normalisation (NFC) and full case folding, a
 * run of blanks counting as one, in order and without overlaps. A place never cuts a letter from its combining marks.
 * @param {string} text
 * @param {string} mention blanks at its ends do not count
 * @param {{wholeWords?: boolean}} [options] wholeWords: no place that starts or ends inside a word
 * @returns {{start: number, end: number}[]} UTF-16 offsets of `text`
 */
export function findMentions(text, mention, { wholeWords = true } = {}) {
  const wanted = foldMention(mention);
  if (!wanted) return [];
  const found = [];
  let from = 0;
  for (const place of ASCII.test(text) ? inAscii(text, wanted) : inAny(text, wanted)) {
    if (place.start < from || (wholeWords && cutsWord(text, place))) continue;
    found.push(place);
    from = place.end;
  }
  return found;
}

/** A mention as it is compared; two mentions are identical when these are equal. */
export function foldMention(mention) {
  return unitsOf(mention.replace(EDGES, '').replace(BLANKS, ' ')).folded;
}

/** Every place in a text where a character is a unit of its own, overlapping ones included. */
function* inAscii(text, wanted) {
  if (!ASCII.test(wanted)) return;
  const words = wanted.split(' ').map((word) => word.replace(/[^A-Za-z0-9_]/g, '\\$&'));
  for (const match of text.matchAll(new RegExp(`(?=(${words.join(`${BLANK}+`)}))`, 'gi'))) {
    yield { start: match.index, end: match.index + match[1].length };
  }
}

function* inAny(text, wanted) {
  const { folded, starts, ends } = unitsOf(text);
  for (let at = folded.indexOf(wanted); at >= 0; at = folded.indexOf(wanted, at + 1)) {
    const start = starts.get(at);
    const end = ends.get(at + wanted.length);
    if (start !== undefined && end !== undefined) yield { start, end };
  }
}

let latest = { text: null, units: null }; // find as you type asks for the same note again and again

/** The text as it is compared, and for an index in that the offset in `text` where a unit starts, or ends. */
function unitsOf(text) {
  if (latest.text === text) return latest.units;
  const parts = [];
  const starts = new Map();
  const ends = new Map();
  let length = 0;
  for (const { 0: unit, index } of text.matchAll(UNIT)) {
    const part = ALL_BLANK.test(unit) ? ' ' : fold(unit);
    parts.push(part);
    starts.set(length, index);
    length += part.length;
    ends.set(length, index + unit.length);
  }
  const units = { folded: parts.join(''), starts, ends };
  if (text.length > 1000) latest = { text, units };
  return units;
}

/** Full case folding: lower case of upper case, but for the dotless i, whose upper case is that of another letter. */
function fold(unit) {
  const composed = unit.normalize('NFC');
  if (composed.startsWith('ı')) return composed;
  return composed.toLowerCase().toUpperCase().toLowerCase().normalize('NFC');
}

export function cutsWord(text, { start, end }) {
  const inWord = (unit) => WORD.test(String.fromCodePoint(text.codePointAt(unit)));
  const before = (unit) => (unit > 1 && text.codePointAt(unit - 2) > 0xffff ? unit - 2 : unit - 1);
  const inside = (unit) => unit > 0 && unit < text.length && inWord(before(unit)) && inWord(unit);
  return inside(start) || inside(end);
}
