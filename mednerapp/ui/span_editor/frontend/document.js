//# allFunctionsCalledOnLoad
// The live annotation of one note: spans in reading order, the blocks they fall into.
// Offsets are UTF-16 units in here; offsets.js converts at the edge.

import { lowerBound } from './offsets.js';

/**
 * @typedef {object} Span
 * @property {string} id
 * @property {number} start UTF-16 offset
 * @property {number} end UTF-16 offset after the last character
 * @property {[number, number][]} fragments the pieces of a discontinuous span, empty for a span in one piece
 * @property {string} label
 * @property {'suggested' | 'confirmed' | 'rejected'} state
 * @property {'model' | 'person'} origin
 * @property {number | null} score
 * @property {number | null} adapterId
 * @property {string | null} assertion see assertions.js
 * @property {'model' | 'person' | null} assertionBy model: the rules suggest it, nobody has confirmed it
 * @property {string} comment
 * @property {boolean} unsure
 *
 * @typedef {{before: Span | null, after: Span | null}} Change  null: the span does not exist on that side
 * @typedef {{start: number, end: number, spans: Set<Span>, element: Element | null, drawn: boolean}} Block
 */

/** What a new span has beyond its place and label. */
export const NEW_SPAN = Object.freeze({
  fragments: [], state: 'confirmed', origin: 'person', score: null, adapterId: null,
  assertion: null, assertionBy: null, comment: '', unsure: false,
});

/** Characters, as the database has it. */
export const LONGEST_COMMENT = 2000;

const BLOCK_LENGTH = 600; // repainting one block after an edit stays under a millisecond at this size

/** Reading order; of two spans that start together the longer one (the outer one) comes first. */
export function inReadingOrder(a, b) {
  return a.start - b.start || b.end - a.end || (a.id < b.id ? -1 : Number(a.id > b.id));
}

/** The pieces of text that a span marks: its fragments, or all of it. */
export const piecesOf = ({ start, end, fragments }) => (fragments.length ? fragments : [[start, end]]);

/** The mention: the text of a span, the pieces of a discontinuous one joined by an ellipsis. */
export const mentionOf = (text, span) => piecesOf(span).map(([start, end]) => text.slice(start, end)).join(' … ');

const PLACE = ['start', 'end'];
const ATTRIBUTES = ['assertion', 'assertionBy', 'comment', 'unsure'];
const sameIn = (names, a, b) => names.every((name) => a[name] === b[name]);
const samePieces = (a, b) => a.length === b.length && a.every(([start, end], i) => start === b[i][0] && end === b[i][1]);
export const samePlace = (a, b) => sameIn(PLACE, a, b) && samePieces(a.fragments, b.fragments);

/** Whether two states of a span are the same in everything that a person can change. */
export const sameContent = (a, b) => samePlace(a, b) && sameIn(['label', 'state', ...ATTRIBUTES], a, b);

/** What a person did, in the words of the save protocol: a name only if the change is no more than it says. */
export function actionOf({ before, after }, existedBefore) {
  if (!after) return 'delete';
  const confirmed = after.state === 'confirmed';
  if (!before) return confirmed && !existedBefore ? 'create' : 'restore';
  const moved = !samePlace(before, after);
  const changed = ['label', 'state', ...ATTRIBUTES].filter((name) => before[name] !== after[name]);
  const only = (...names) => changed.every((name) => names.includes(name));
  if (moved) {
    // The rules may look again at an assertion that they have suggested.
    const names = before.assertionBy === 'model' && after.assertionBy !== 'person' ? ['assertion', 'assertionBy'] : [];
    return confirmed && only('state', ...names) ? 'resize' : 'restore';
  }
  if (changed.includes('label')) return confirmed && only('label', 'state') ? 'relabel' : 'restore';
  if (changed.length && only('assertion', 'assertionBy')) return 'assert';
  if (changed.length && only('comment')) return 'comment';
  if (changed.length && only('unsure')) return 'flag';
  if (confirmed && before.state !== 'confirmed' && only('state', 'assertionBy') && after.assertionBy === 'person') return 'accept'; // with what the rules said
  if (!only('state') || after.state === 'suggested') return 'restore';
  return confirmed ? 'accept' : 'reject';
}

/** The change that takes `change` back. */
export const mirrored = ({ before, after }) => ({ before: after, after: before });

/** The changes that turn the spans of `from` into the spans of `to`. */
export function difference(from, to) {
  const wanted = new Map(to.map((span) => [span.id, span]));
  const present = new Map(from.map((span) => [span.id, span]));
  const removed = from.filter((span) => !wanted.has(span.id)).map((before) => ({ before, after: null }));
  const written = to
    .map((after) => ({ before: present.get(after.id) ?? null, after }))
    .filter(({ before, after }) => !before || !sameContent(before, after));
  return [...removed, ...written];
}

/** The spans of one note. Spans are frozen; every edit replaces one span by another. */
export class SpanDocument {
  #counts;

  /** @param {string} text
   *  @param {Span[]} spans */
  constructor(text, spans) {
    this.text = text;
    /** @type {Block[]} whole lines, up to about BLOCK_LENGTH units; a longer line is one block */
    this.blocks = cutIntoBlocks(text);
    this.replaceAll(spans);
  }

  /** Whether `spans` are the ones in here and others: nothing that a person did is different there. */
  isGrownTo(spans) {
    const there = new Map(spans.map((span) => [span.id, span]));
    return this.sorted.every((span) => there.has(span.id) && sameContent(span, there.get(span.id)));
  }

  /** Forgets all spans and takes these. */
  replaceAll(spans) {
    this.sorted = spans.map((span) => Object.freeze({ ...span })).sort(inReadingOrder);
    this.byId = new Map(this.sorted.map((span) => [span.id, span]));
    this.#counts = { confirmed: 0, suggested: 0, rejected: 0 };
    for (const block of this.blocks) block.spans = new Set();
    for (const span of this.sorted) {
      this.#counts[span.state] += 1;
      for (const block of this.blocksOf(span)) block.spans.add(span);
    }
  }

  /** @returns {Span | null} */
  get(id) {
    return this.byId.get(id) ?? null;
  }

  /** Replaces one span by another, adds one (`before` null) or takes one away (`after` null). */
  apply({ before, after }) {
    const current = before && this.byId.get(before.id);
    const span = after && Object.freeze({ ...after });
    if (current && span && current.start === span.start && current.end === span.end) {
      this.sorted[this.rank(current)] = span;
    } else {
      if (current) this.sorted.splice(this.rank(current), 1);
      if (span) this.sorted.splice(this.rank(span), 0, span);
    }
    if (current) {
      this.byId.delete(current.id);
      this.#counts[current.state] -= 1;
      for (const block of this.blocksOf(current)) block.spans.delete(current);
    }
    if (span) {
      this.byId.set(span.id, span);
      this.#counts[span.state] += 1;
      for (const block of this.blocksOf(span)) block.spans.add(span);
    }
  }

  /** Place of a span in reading order, from 0. */
  rank(span) {
    return lowerBound(this.sorted.length, (i) => inReadingOrder(this.sorted[i], span) < 0);
  }

  /** The block that holds a UTF-16 offset. */
  blockAt(offset) {
    return this.blocks[this.#blockIndex(offset)];
  }

  #blockIndex(offset) {
    return Math.max(0, lowerBound(this.blocks.length, (i) => this.blocks[i].start <= offset) - 1);
  }

  /** @returns {Block[]} the blocks a range touches */
  blocksOf({ start, end }) {
    const blocks = [];
    for (let i = this.#blockIndex(start); i < this.blocks.length && this.blocks[i].start < end; i += 1) {
      blocks.push(this.blocks[i]);
    }
    return blocks;
  }

  /** The span with exactly these offsets and this label, if there is one; none with the id `but`. */
  find(start, end, label, but = null) {
    for (const span of this.blockAt(start).spans) {
      if (span.start === start && span.end === end && span.label === label && !span.fragments.length && span.id !== but) return span;
    }
    return null;
  }

  /** The next (step 1) or previous (step -1) span in reading order, null at either end. */
  neighbour(id, step) {
    const current = this.get(id);
    const index = current ? this.rank(current) : step > 0 ? -1 : this.sorted.length;
    return this.sorted[index + step] ?? null;
  }

  /** The first suggestion after `span` (after its place, if it is gone), from the top again at the end. */
  nextSuggestion(span) {
    const { sorted } = this;
    if (!this.#counts.suggested) return null;
    const from = span ? lowerBound(sorted.length, (i) => inReadingOrder(sorted[i], span) <= 0) : 0;
    for (let i = 0; i < sorted.length; i += 1) {
      const other = sorted[(from + i) % sorted.length];
      if (other.state === 'suggested') return other;
    }
    return null;
  }

  /** The spans that mark an offset, innermost first. */
  spansAt(offset) {
    const marks = (span) => piecesOf(span).some(([start, end]) => start <= offset && offset < end);
    return [...this.blockAt(offset).spans].filter(marks).sort((a, b) => a.end - a.start - (b.end - b.start));
  }

  /** @returns {Span[]} what nobody has looked at yet */
  get suggestions() {
    return this.sorted.filter((span) => span.state === 'suggested');
  }

  /** Number of spans per state, kept while spans change. */
  counts() {
    return this.#counts;
  }
}

function cutIntoBlocks(text) {
  const blocks = [];
  let start = 0;
  while (start < text.length) {
    let end = start;
    while (end < text.length && end - start < BLOCK_LENGTH) {
      const lineEnd = text.indexOf('\n', end);
      end = lineEnd < 0 ? text.length : lineEnd + 1;
    }
    blocks.push({ start, end, spans: new Set(), element: null, drawn: false });
    start = end;
  }
  return blocks.length ? blocks : [{ start: 0, end: 0, spans: new Set(), element: null, drawn: false }];
}
