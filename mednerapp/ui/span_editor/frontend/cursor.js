//# allFunctionsCalledOnLoad
// The word cursor: reaching and selecting any text from the keyboard. It stands on a word and shows as a highlight with a
// double underline; it is hidden while a span is active, and follows it.

import { lowerBound, nextWord } from './offsets.js';
import { inReadingOrder } from './document.js';

const LONGEST_LINE = 400; // words looked through for the next line on the screen
const SENTENCE_END = /[.!?]["')\]]*\s+(?=\S)|\n\s*(?=\S)/g;

/** @typedef {{step: 1 | -1, extend: boolean}} Move */

export class Cursor {
  #at = null; // the word, UTF-16 offsets
  #shown = false;
  #anchor = null; // the word where extending began

  /** @param {import('./editor.js').SpanEditor} editor */
  constructor(editor) {
    this.editor = editor;
  }

  /** The word that a label would go to; null while the cursor is hidden. */
  get word() {
    return this.#shown ? this.#at : null;
  }

  reset() {
    this.#at = null;
    this.hide();
  }

  hide() {
    this.#shown = false;
    this.#anchor = null;
    this.editor.painter.decorate('cursor', []);
  }

  /** Goes along with the active span, hidden. */
  follow({ start, end }) {
    this.#at = { start, end };
    if (this.#shown) this.hide();
  }

  /** Puts the cursor on the word at an offset, hidden (a click went there). */
  place(offset) {
    this.#at = nextWord(this.editor.document.text, offset, 1) ?? this.#at;
  }

  asSpan() {
    return this.#at && { ...this.#at, id: '' };
  }

  /** The span after (1) or before (-1) the cursor. */
  neighbour(step) {
    const { sorted } = this.editor.document;
    const { start } = this.#at;
    const next = lowerBound(sorted.length, (i) => sorted[i].start < start);
    return sorted[step > 0 ? next : next - 1] ?? null;
  }

  /** Makes the innermost span under the cursor active. */
  enter() {
    if (!this.#shown || this.editor.selected) return false;
    const [span] = [...this.editor.document.blockAt(this.#at.start).spans]
      .filter(({ start, end }) => start < this.#at.end && end > this.#at.start)
      .sort((a, b) => a.end - a.start - (b.end - b.start) || inReadingOrder(a, b));
    if (span) this.editor.activate(span);
    else this.editor.tell('No span here.');
    return true;
  }

  // ---- moving

  /** @param {Move} move */
  move({ step, extend }) {
    const { text } = this.editor.document;
    const from = this.#at ?? this.#start(step);
    return this.#go(this.#at ? nextWord(text, step > 0 ? from.end : from.start, step) : from, extend);
  }

  /** @param {Move} move a line as it is on the screen */
  line({ step, extend }) {
    if (!this.#at) return this.#go(this.#start(step), extend);
    const here = this.#box(this.#at);
    let best = null;
    let top = null;
    this.#words(step, (word, box) => {
      if (sameLine(box, here)) return true;
      top ??= box;
      if (!sameLine(box, top)) return false;
      const distance = Math.max(0, box.left - here.left, here.left - box.right);
      if (!best || distance < best.distance) best = { word, distance };
      return true;
    });
    return this.#go(best?.word ?? null, extend);
  }

  /** @param {Move} move to the first or last word of the line on the screen */
  lineEnd({ step, extend }) {
    if (!this.#at) return this.#go(this.#start(step), extend);
    const here = this.#box(this.#at);
    let last = this.#at;
    this.#words(step, (word, box) => {
      if (!sameLine(box, here)) return false;
      last = word;
      return true;
    });
    return this.#go(last, extend);
  }

  /** @param {Move} move to the beginning of the next sentence, or of this or the previous one */
  sentence({ step, extend }) {
    const { text } = this.editor.document;
    const from = this.#at?.start ?? 0;
    const starts = [0];
    // Notes have no sentence of more than a few thousand characters; looking further would make long notes slow.
    const low = Math.max(0, from - 4000);
    for (const match of text.slice(low, from + 4000).matchAll(SENTENCE_END)) starts.push(low + match.index + match[0].length);
    const first = (offset) => nextWord(text, offset, 1);
    const words = starts.map(first).filter(Boolean);
    const to = step > 0 ? words.find((word) => word.start > from) : words.findLast((word) => word.start < from);
    return this.#go(to ?? null, extend);
  }

  /** @param {Move} move to the first or last word of the note */
  textEnd({ step, extend }) {
    return this.#go(this.#start(-step), extend);
  }

  #start(step) {
    const { text } = this.editor.document;
    return step > 0 ? nextWord(text, 0, 1) : nextWord(text, text.length, -1);
  }

  #go(word, extend) {
    const { editor } = this;
    if (!word) return true; // at the end of the text the key does nothing
    const anchor = extend ? (this.#anchor ?? this.#at ?? word) : null;
    this.#at = word;
    this.#shown = true;
    this.#anchor = anchor;
    if (editor.activeSpan) editor.activate(null);
    if (anchor) {
      editor.painter.decorate('cursor', []);
      editor.walk.select({ start: Math.min(anchor.start, word.start), end: Math.max(anchor.end, word.end) }, { bar: false });
    } else {
      editor.dropSelection();
      editor.painter.decorate('cursor', [word]);
      editor.say(editor.document.text.slice(word.start, word.end) + this.#spansHere(word));
    }
    editor.walk.reveal(word);
    return true;
  }

  #spansHere({ start, end }) {
    const spans = [...this.editor.document.blockAt(start).spans].filter((span) => span.start < end && span.end > start);
    return spans.length ? `, in ${spans.map(({ label }) => label).join(', ')}` : '';
  }

  #words(step, visit) {
    const { text } = this.editor.document;
    let word = this.#at;
    for (let i = 0; i < LONGEST_LINE; i += 1) {
      word = nextWord(text, step > 0 ? word.end : word.start, step);
      if (!word || !visit(word, this.#box(word))) return;
    }
  }

  #box({ start, end }) {
    this.editor.painter.prepare({ start, end });
    return this.editor.painter.rangeOf(start, end).getClientRects()[0] ?? new DOMRect();
  }
}

/** Whether two words stand on one line of the screen; marks and badges move a word a little. */
const sameLine = (a, b) => Math.abs((a.top + a.bottom) / 2 - (b.top + b.bottom) / 2) < Math.max(a.height, b.height) / 2;
