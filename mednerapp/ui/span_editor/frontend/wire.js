// Spans and edits as they travel: code point offsets, plain objects.

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
   *  @returns {import('./document.js').Span} */
  fromWire(span) {
    this.#known.add(span.id);
    const { id, label, state, origin = 'person', score = null } = span;
    return { id, label, state, origin, score, ...this.rangeFromWire(span) };
  }

  rangeFromWire({ start, end }) {
    return { start: this.#map.toUnit(start), end: this.#map.toUnit(end) };
  }

  /** @param {import('./document.js').Span} span
   *  @returns {object} the span with code point offsets */
  toWire(span) {
    return { ...span, ...this.rangeToWire(span) };
  }

  rangeToWire({ start, end }) {
    return { start: this.#map.toCodePoint(start), end: this.#map.toCodePoint(end) };
  }

  /** Whether a span with this id is or was in here. */
  knows(id) {
    return this.#known.has(id);
  }

  /** @param {import('./document.js').Change} change
   *  @param {{again?: boolean}} [options] again: undo or redo, which are no new judgement of the person
   *  @returns {Omit<import('./transport.js').Edit, 'seq'>} */
  edit(change, { again = false } = {}) {
    const side = (span) => span && { ...this.rangeToWire(span), label: span.label, state: span.state };
    const { id } = change.before ?? change.after;
    const action = again && change.after ? 'restore' : actionOf(change, this.#known.has(id));
    this.#known.add(id);
    return { action, span_id: id, before: side(change.before), after: side(change.after) };
  }
}
