// The live annotation of one note: spans in reading order, the blocks they fall into, and the edit history.
// Offsets are UTF-16 units in here; offsets.js converts at the edge.

import { lowerBound } from './offsets.js';

/**
 * @typedef {object} Span
 * @property {string} id
 * @property {number} start UTF-16 offset
 * @property {number} end UTF-16 offset after the last character
 * @property {string} label
 * @property {'suggested' | 'confirmed' | 'rejected'} state
 * @property {'model' | 'person'} origin
 * @property {number | null} score
 *
 * @typedef {{before: Span | null, after: Span | null}} Change  null: the span does not exist on that side
 * @typedef {{start: number, end: number, spans: Set<Span>, element: Element | null}} Block
 */

const BLOCK_LENGTH = 1200; // repainting one block after an edit stays under a millisecond at this size

/** Reading order; of two spans that start together the longer one (the outer one) comes first. */
export function inReadingOrder(a, b) {
  return a.start - b.start || b.end - a.end || (a.id < b.id ? -1 : Number(a.id > b.id));
}

/** What a person did, in the words of the save protocol: a name only if the change is no more than it says. */
export function actionOf({ before, after }, existedBefore) {
  if (!after) return 'delete';
  const confirmed = after.state === 'confirmed';
  if (!before) return confirmed && !existedBefore ? 'create' : 'restore';
  const moved = before.start !== after.start || before.end !== after.end;
  const renamed = before.label !== after.label;
  if (confirmed && !(moved && renamed)) return moved ? 'resize' : renamed ? 'relabel' : 'accept';
  return after.state === 'rejected' && !moved && !renamed ? 'reject' : 'restore';
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

const sameContent = (a, b) =>
  a.start === b.start && a.end === b.end && a.label === b.label && a.state === b.state;

/** The spans of one note. Spans are frozen; every edit replaces one span by another. */
export class SpanDocument {
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
    for (const block of this.blocks) block.spans = new Set();
    for (const span of this.sorted) for (const block of this.blocksOf(span)) block.spans.add(span);
  }

  /** @returns {Span | null} */
  get(id) {
    return this.byId.get(id) ?? null;
  }

  /** @returns {Set<Block>} the blocks that need repainting */
  apply({ before, after }) {
    const touched = new Set();
    if (before) {
      const current = this.byId.get(before.id);
      this.byId.delete(before.id);
      this.sorted.splice(this.#rank(current), 1);
      for (const block of this.blocksOf(current)) {
        block.spans.delete(current);
        touched.add(block);
      }
    }
    if (after) {
      const span = Object.freeze({ ...after });
      this.byId.set(span.id, span);
      this.sorted.splice(this.#rank(span), 0, span);
      for (const block of this.blocksOf(span)) {
        block.spans.add(span);
        touched.add(block);
      }
    }
    return touched;
  }

  #rank(span) {
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

  /** The span with exactly these offsets and this label, if there is one. */
  find(start, end, label) {
    for (const span of this.blockAt(start).spans) {
      if (span.start === start && span.end === end && span.label === label) return span;
    }
    return null;
  }

  /** The next (step 1) or previous (step -1) span in reading order, null at either end. */
  neighbour(id, step) {
    const current = this.get(id);
    const index = current ? this.#rank(current) : step > 0 ? -1 : this.sorted.length;
    return this.sorted[index + step] ?? null;
  }

  /** The first suggestion after `span` (after its place, if it is gone), from the top again at the end. */
  nextSuggestion(span) {
    const from = span ? lowerBound(this.sorted.length, (i) => inReadingOrder(this.sorted[i], span) <= 0) : 0;
    const order = [...this.sorted.slice(from), ...this.sorted.slice(0, from)];
    return order.find((other) => other.state === 'suggested') ?? null;
  }

  /** @returns {Span[]} what nobody has looked at yet */
  get suggestions() {
    return this.sorted.filter((span) => span.state === 'suggested');
  }

  /** Number of spans per state. */
  counts() {
    const counts = { confirmed: 0, suggested: 0, rejected: 0 };
    for (const span of this.sorted) counts[span.state] += 1;
    return counts;
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
    blocks.push({ start, end, spans: new Set(), element: null });
    start = end;
  }
  return blocks.length ? blocks : [{ start: 0, end: 0, spans: new Set(), element: null }];
}

/** Undo and redo. One step is a list of changes that were made together. */
export class History {
  #done = [];
  #undone = [];

  get canUndo() {
    return this.#done.length > 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  /** Records a step that was just made. */
  push(changes) {
    this.#done.push(changes);
    this.#undone = [];
  }

  /** @returns {Change[]} the changes to make now; empty when there is nothing to undo */
  undo() {
    const step = this.#done.pop();
    if (!step) return [];
    this.#undone.push(step);
    return [...step].reverse().map(mirrored);
  }

  /** @returns {Change[]} the changes to make now; empty when there is nothing to redo */
  redo() {
    const step = this.#undone.pop();
    if (!step) return [];
    this.#done.push(step);
    return step;
  }

  /** Drops every recorded change of one span: its past is no longer what the history believes. */
  forget(id) {
    const others = ({ before, after }) => (before ?? after).id !== id;
    const prune = (steps) => steps.map((step) => step.filter(others)).filter((step) => step.length);
    this.#done = prune(this.#done);
    this.#undone = prune(this.#undone);
  }

  clear() {
    this.#done = [];
    this.#undone = [];
  }
}
