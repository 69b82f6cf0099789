//# allFunctionsCalledOnLoad
// Offsets and character boundaries.
// Everywhere else in the product an offset counts Unicode code points; JavaScript strings count UTF-16 units. The class
// below is the only place where one becomes the other.

const PAIR = /[\u{10000}-\u{10ffff}]/gu; // the engine looks for it several times faster than a loop over the text
const WORD = /[\p{L}\p{M}\p{N}_]/u;
const MARK = /\p{M}/u;
const SPACE = /\s/u;

/** Converts between UTF-16 offsets and code point offsets of one text; O(log k) for k characters beyond U+FFFF. */
export class OffsetMap {
  #pairs = []; // UTF-16 offset of the first half of every surrogate pair, ascending

  /** @param {string} text */
  constructor(text) {
    for (const { index } of text.matchAll(PAIR)) this.#pairs.push(index);
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

/** Marks whose base is no letter (the selector that makes a character an emoji) belong to what stands before them. */
function afterStrayMarks(text, start, end) {
  let from = start;
  while (from > 0 && from < end && MARK.test(characterAt(text, from))) from += characterAt(text, from).length;
  return from;
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
  from = afterStrayMarks(text, from, to);
  while (inside(to)) to += characterAt(text, to).length;
  return { start: from, end: to };
}

// ---- stops of the word cursor and of the edges of a span

const isWord = (character) => character !== '' && WORD.test(character);
const isSpace = (character) => character !== '' && SPACE.test(character);

/** The place after the character at `unit`, with the marks that belong to it. */
function afterCharacter(text, unit) {
  let to = unit + characterAt(text, unit).length;
  while (to < text.length && MARK.test(characterAt(text, to))) to += characterAt(text, to).length;
  return to;
}

/** The place before the character that ends at `unit`, marks included. */
function beforeCharacter(text, unit) {
  let from = unit - characterBefore(text, unit).length;
  while (from > 0 && MARK.test(characterAt(text, from))) from -= characterBefore(text, from).length;
  return from;
}

/**
 * The word that holds or follows `unit` (step 1), or the one before it (step -1). A run of other characters without a blank or
 * a word in it ("+", an emoji) is a stop as well.
 * @returns {{start: number, end: number} | null} null at either end of the text
 */
export function nextWord(text, unit, step) {
  let at = unit;
  for (;;) {
    if (step > 0 ? at >= text.length : at <= 0) return null;
    const character = step > 0 ? characterAt(text, at) : characterBefore(text, at);
    if (isSpace(character)) {
      at += step * character.length;
      continue;
    }
    const stop = stopAt(text, step > 0 ? at : at - character.length);
    if (stop) return stop;
    at = step > 0 ? afterCharacter(text, at) : beforeCharacter(text, at);
  }
}

/** The stop of the word cursor at a character that is no white space; null for punctuation beside a word. */
export function stopAt(text, unit) {
  const grow = (inside) => {
    let [start, end] = [unit, unit];
    while (start > 0 && inside(characterBefore(text, start))) start -= characterBefore(text, start).length;
    while (end < text.length && inside(characterAt(text, end))) end += characterAt(text, end).length;
    return { start, end };
  };
  if (isWord(characterAt(text, unit))) {
    const word = grow(isWord);
    const start = afterStrayMarks(text, word.start, word.end);
    if (start <= unit) return { start, end: word.end };
  }
  const run = grow((character) => character !== '' && !isSpace(character));
  for (let at = run.start; at < run.end; at += characterAt(text, at).length) if (/[\p{L}\p{N}_]/u.test(characterAt(text, at))) return null;
  return run;
}

/** Where an edge of a span goes when it moves by one word. */
export function wordEdge(text, unit, step, edge) {
  if (edge === 'end') {
    if (step > 0) return nextWord(text, unit, 1)?.end ?? unit;
    const inside = unit > 0 && !isSpace(characterBefore(text, unit)) ? stopAt(text, unit - characterBefore(text, unit).length) : null;
    return (nextWord(text, inside?.start ?? unit, -1) ?? { end: unit }).end;
  }
  if (step < 0) return nextWord(text, unit, -1)?.start ?? unit;
  const inside = isSpace(characterAt(text, unit)) ? null : stopAt(text, unit);
  return (nextWord(text, inside?.end ?? unit, 1) ?? { start: unit }).start;
}

/**
 * Where an edge of a span goes when it moves by one character: on over blanks, which no span begins or ends with.
 * @param {'start' | 'end'} [edge] left out: over single characters, blanks among them
 */
export function characterEdge(text, unit, step, edge) {
  const next = (from) => (step > 0 ? afterCharacter(text, from) : beforeCharacter(text, from));
  const inner = (at) => (edge === 'start' ? characterAt(text, at) : characterBefore(text, at));
  const open = (at) => (step > 0 ? at < text.length : at > 0);
  let to = open(unit) ? next(unit) : unit;
  if (!edge) return to;
  while (open(to) && isSpace(inner(to))) to = next(to);
  return isSpace(inner(to)) ? unit : to;
}
