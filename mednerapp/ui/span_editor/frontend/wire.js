//# allFunctionsCalledOnLoad
// Spans and edits as they travel: code point offsets, plain objects, what a span does not have is left out.

import { actionOf } from './document.js';
import { OffsetMap } from './offsets.js';

/** Translates between the spans of one note in here and on the wire. */
export class Wire {
  #map;
  #known = new Set(); // ids that exist or existed, to tell a span that comes back from a new one

  /** @param {string} text of the note */
  constructor(text) {
    this.#map = new OffsetMap(text);
  }

  /** @param {object} span with code point offsets
   *  @param {{remember?: boolean}} [options] remember: its id is known from now on
   *  @returns {import('./document.js').Span} */
  fromWire(span, { remember = true } = {}) {
    if (remember) this.#known.add(span.id);
    const { id, label, state, origin = 'person', score = null, adapter_id: adapterId = null, ...rest } = span;
    const { fragments = [], assertion = null, assertion_by: assertionBy = null, comment = '', unsure = false } = rest;
    return {
      id, ...this.rangeFromWire(span),
      fragments: fragments.map(([start, end]) => [this.#map.toUnit(start), this.#map.toUnit(end)]),
      label, state, origin, score, adapterId, assertion, assertionBy, comment, unsure,
    };
  }

  /** A span with what an edit says of it; where it came from is known from the span as it was, null for a new one. */
  withContent(before, id, content) {
    const { origin, score, adapterId } = before ?? {};
    return this.fromWire({ ...content, id, origin, score, adapter_id: adapterId });
  }

  rangeFromWire({ start, end }) {
    return { start: this.#map.toUnit(start), end: this.#map.toUnit(end) };
  }

  /** @param {import('./document.js').Span} span
   *  @returns {object} the span with code point offsets */
  toWire(span) {
    const { id, origin, score, adapterId } = span;
    return { id, ...this.#content(span), origin, score, adapter_id: adapterId };
  }

  rangeToWire({ start, end }) {
    return { start: this.#map.toCodePoint(start), end: this.#map.toCodePoint(end) };
  }

  /** What of a span an edit may say. */
  #content(span) {
    const { label, state, fragments, assertion, assertionBy, comment, unsure } = span;
    const content = { ...this.rangeToWire(span), label, state };
    if (fragments.length) {
      content.fragments = fragments.map(([start, end]) => [this.#map.toCodePoint(start), this.#map.toCodePoint(end)]);
    }
    if (assertion) {
      content.assertion = assertion;
      content.assertion_by = assertionBy;
    }
    if (comment) content.comment = comment;
    if (unsure) content.unsure = true;
    return content;
  }

  /** Whether a span with this id is or was in here. */
  knows(id) {
    return this.#known.has(id);
  }

  /** Takes note of a span that existed before the note was opened. */
  remember(id) {
    this.#known.add(id);
  }

  /**
   * @param {import('./document.js').Change} change
   * @param {{step?: string, phase?: 'do' | 'undo' | 'redo'}} [of] undo and redo are no new judgement of the person
   * @returns {Omit<import('./transport.js').Edit, 'seq'>}
   */
  edit(change, { step = '', phase = 'do' } = {}) {
    const side = (span) => span && this.#content(span);
    const { id } = change.before ?? change.after;
    const action = phase !== 'do' && change.after ? 'restore' : actionOf(change, this.#known.has(id));
    this.#known.add(id);
    return { action, span_id: id, step, phase, before: side(change.before), after: side(change.after) };
  }
}
