// Offsets and character boundaries.
// Everywhere else in the product an offset counts Unicode code points; JavaScript strings count UTF-16 units. The class
// below is the only place where one becomes the other.

const WORD = /[\p{L}\p{M}\p{N}_]/u;
const MARK = /\p{M}/u;
const SPACE = /\s/u;

/** Converts between UTF-16 offsets and code point offsets of one text; O(log k) for k characters beyond U+FFFF. */
export class OffsetMap {
  #pairs = []; // UTF-16 offset of the first half of every surrogate pair, ascending

  /** @param {string} text */
  constructor(text) {
    for (let i = 0; i < text.length; i += 1) {
      if (text.codePointAt(i) > 0xffff) {
        this.#pairs.push(i);
        i += 1;
      }
    }
  }

  /** @param {number} unit UTF-16 offset, not inside a surrogate pair
   *  @returns {number} the code point offset of the same place */
  toCodePoint(unit) {
    return unit - lowerBound(this.#pairs.length, (i) => this.#pairs[i] < unit);
  }

  /** @param {number} point code point offset
   *  @returns {number} the UTF-16 offset of the same place */
  toUnit(point) {
    // pairs[i] - i is the code point offset of pair i, so the count of smaller ones is the shift.
    return point + lowerBound(this.#pairs.length, (i) => this.#pairs[i] - i < point);
  }
}

/** Index of the first of `size` items for which `before(index)` is false (items sorted so that it turns once). */
export function lowerBound(size, before) {
  let low = 0;
  let high = size;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (before(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

const characterAt = (text, unit) => (unit < text.length ? String.fromCodePoint(text.codePointAt(unit)) : '');

function characterBefore(text, unit) {
  if (unit <= 0) return '';
  const pair = unit > 1 && text.codePointAt(unit - 2) > 0xffff;
  return pair ? text.slice(unit - 2, unit) : text[unit - 1];
}

/**
 * Widens a range so that it cuts neither a surrogate pair nor a base character from its combining marks.
 * @param {string} text
 * @param {number} start UTF-16 offset
 * @param {number} end UTF-16 offset, exclusive
 * @returns {{start: number, end: number} | null} null when the range is empty or holds white space only
 */
export function wholeCharacters(text, start, end) {
  if (start >= end || !text.slice(start, end).trim()) return null;
  const splitsPair = (unit) => unit > 0 && unit < text.length && text.codePointAt(unit - 1) > 0xffff;
  let from = splitsPair(start) ? start - 1 : start;
  let to = splitsPair(end) ? end + 1 : end;
  while (from > 0 && MARK.test(characterAt(text, from))) from -= characterBefore(text, from).length;
  while (MARK.test(characterAt(text, to))) to += characterAt(text, to).length;
  return { start: from, end: to };
}

/**
 * Drops white space at both ends of a range, then widens it to the edges of the words it touches.
 * A word is a run of letters, marks, digits and underscores.
 * @param {string} text
 * @param {number} start UTF-16 offset
 * @param {number} end UTF-16 offset, exclusive
 * @returns {{start: number, end: number} | null} null when the range is empty or holds white space only
 */
export function wholeWords(text, start, end) {
  const range = wholeCharacters(text, start, end);
  if (!range) return null;
  let { start: from, end: to } = range;
  while (SPACE.test(text[from])) from += 1;
  while (SPACE.test(text[to - 1])) to -= 1;
  const inside = (unit) => WORD.test(characterBefore(text, unit)) && WORD.test(characterAt(text, unit));
  while (inside(from)) from -= characterBefore(text, from).length;
  while (inside(to)) to += characterAt(text, to).length;
  return { start: from, end: to };
}
