// Finding every place where a text holds the same words as a mention. The same rule as mednerapp/domain/mentions.py;
// tests/domain/mention_cases.json holds both to it.

// The blanks of ECMAScript without the byte order mark, so that Python and JavaScript find the same.
const BLANKS = '\\t-\\r \\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const RUN_OF_BLANKS = new RegExp(`[${BLANKS}]+`, 'gu');
const EDGE_BLANKS = new RegExp(`^[${BLANKS}]+|[${BLANKS}]+$`, 'gu');
const UNIT = new RegExp(`[${BLANKS}]+|\\P{M}\\p{M}*|\\p{M}+`, 'gu'); // blanks, or a character with its marks
const IS_BLANK = new RegExp(`^[${BLANKS}]`, 'u');
const PLAIN = /^[\x00-\x7f]*$/;
const ODD_BLANK = / {2}|[\t-\r]/;
const WORD = /[\p{L}\p{M}\p{N}_]/u;

/**
 * The places in `text` that hold the same as `mention`: equal after Unicode normalisation (NFC) and full case folding, a
 * run of blanks counting as one, in order and without overlaps. A place never cuts a letter from its combining marks.
 * @param {string} text
 * @param {string} mention blanks at its ends do not count
 * @param {{wholeWords?: boolean}} [options] wholeWords: no letter, mark, digit or underscore directly before or behind
 * @returns {{start: number, end: number}[]} UTF-16 offsets of `text`
 */
export function findMentions(text, mention, { wholeWords = true } = {}) {
  const wanted = foldMention(mention);
  if (!wanted) return [];
  const { folded, startOf, endOf } = foldedText(text);
  const found = [];
  for (let at = folded.indexOf(wanted); at >= 0;) {
    const start = startOf(at);
    const end = endOf(at + wanted.length);
    const here = start >= 0 && end >= 0 && !(wholeWords && insideWord(text, start, end));
    if (here) found.push({ start, end });
    at = folded.indexOf(wanted, here ? at + wanted.length : at + 1);
  }
  return found;
}

/** A mention as it is compared; two mentions are identical when these are equal. */
export function foldMention(mention) {
  return foldedText(mention.replace(EDGE_BLANKS, '')).folded;
}

let latest = { text: null, result: null }; // of long texts: find as you type asks for the same note again and again

/** The text as it is compared, and for an index in it the offset in `text` where a unit starts or ends there, else -1. */
function foldedText(text) {
  if (PLAIN.test(text) && !ODD_BLANK.test(text)) return { folded: text.toLowerCase(), startOf: same, endOf: same };
  if (latest.text === text) return latest.result;
  const result = foldUnits(text);
  if (text.length > 200) latest = { text, result };
  return result;
}

const same = (at) => at;

function foldUnits(text) {
  const parts = [];
  const starts = new Map([]); // index in the folded text → place in `text` of the unit that starts there
  const ends = new Map([]);
  let length = 0;
  for (const { 0: unit, index } of text.matchAll(UNIT)) {
    const part = IS_BLANK.test(unit) ? ' ' : foldUnit(unit);
    if (!part) continue;
    parts.push(part);
    starts.set(length, index);
    length += part.length;
    ends.set(length, index + unit.length);
  }
  return { folded: parts.join(''), startOf: (at) => starts.get(at) ?? -1, endOf: (at) => ends.get(at) ?? -1 };
}

/** Full case folding: lower case of upper case, but for the dotless i, whose upper case is that of another letter. */
function foldUnit(unit) {
  const composed = unit.normalize('NFC');
  if (composed.startsWith('ı')) return composed;
  return composed.toLowerCase().toUpperCase().toLowerCase().normalize('NFC');
}

function insideWord(text, start, end) {
  const before = start > 1 && text.codePointAt(start - 2) > 0xffff ? text.slice(start - 2, start) : text[start - 1];
  const behind = end < text.length ? String.fromCodePoint(text.codePointAt(end)) : '';
  return (start > 0 && WORD.test(before)) || (behind !== '' && WORD.test(behind));
}
