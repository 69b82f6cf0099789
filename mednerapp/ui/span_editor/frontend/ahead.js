//# allFunctionsCalledOnLoad
// What the frame of a key shows of what it did: by highlights, which paint over the text. Another class on a segment would cost that
// frame the styles of the segment and its badge. The painter draws the rest (looks, badges, segments) right after it.

import { piecesOf, samePlace } from './document.js';
import { facts, innermostOf } from './segments.js';

/** Whether a tint says what has changed: a label was given, or a suggestion confirmed. */
const isConfirmed = (before, after) => after.state === 'confirmed' && (before.state !== after.state || before.label !== after.label);

export class Ahead {
  #layers = new Map(); // name → Highlight, registered as long as the page lives: registering is what costs

  /** @param {{segmentsOf: Function, isDrawn: Function, staticRangeOf: Function, restyle: Function, colorOf: Function,
   *   spanOf: (id: string) => import('./document.js').Span | null}} painter */
  constructor(painter) {
    this.painter = painter;
  }

  /**
   * Shows a change that is already made in the document.
   * @param {import('./document.js').Change} change
   * @returns {boolean} false: it cannot be shown by highlights and has to be drawn now
   */
  show({ before, after }) {
    const { painter } = this;
    if (!globalThis.CSS?.highlights) return false;
    if (![before, after].every((span) => !span || painter.isDrawn(span))) return false;
    if (!after) return this.#leave(before);
    const moved = before && !samePlace(before, after);
    if (moved && !this.#move(before, after)) return false;
    if (!before || moved || isConfirmed(before, after)) this.#tint(after);
    else for (const segment of painter.segmentsOf(after)) painter.restyle(segment);
    return true;
  }

  /**
   * Shows which span is active now.
   * @returns {boolean} false: the painter has to show it now
   */
  activate(span) {
    if (!globalThis.CSS?.highlights || (span && !this.painter.isDrawn(span))) return false;
    this.#layers.get('ahead-active')?.clear();
    if (span) this.#highlightAll('ahead-active', span);
    return true;
  }

  /** A span that is gone: its text looks like plain text, or is tinted like a span that it shared it with. A rejected one has no tint
   *  that could go. */
  #leave(span) {
    if (span.state === 'rejected') return false;
    for (const segment of this.painter.segmentsOf(span)) {
      const { start, end, ids } = facts.get(segment);
      if (!ids.includes(span.id)) continue; // it only passes over
      const under = innermostOf(ids.map(this.painter.spanOf).filter(Boolean));
      this.#highlight(under && under.state !== 'rejected' ? this.#tintOf(under) : 'ahead-left', start, end);
    }
    return true;
  }

  /** A span that is new, confirmed or somewhere else is tinted in its label's colour. */
  #tint(span) {
    this.#highlightAll(this.#tintOf(span), span);
  }

  #tintOf({ label }) {
    return `ahead-${this.painter.colorOf(label).name}`;
  }

  /** A span one edge of which has moved: what it has left looks like the page. */
  #move(before, after) {
    if (before.fragments.length || after.fragments.length) return false;
    if (before.start !== after.start && before.end !== after.end) return false;
    const left = (start, end) => start < end && this.#highlight('ahead-left', start, end);
    left(before.start, after.start);
    left(after.end, before.end);
    return true;
  }

  #highlightAll(name, span) {
    for (const [start, end] of piecesOf(span)) this.#highlight(name, start, end);
  }

  #highlight(name, start, end) {
    let layer = this.#layers.get(name);
    if (!layer) {
      layer = new Highlight();
      this.#layers.set(name, layer);
      CSS.highlights.set(`medner-${name}`, layer);
    }
    layer.add(this.painter.staticRangeOf(start, end));
  }

  /** The painter has drawn everything. */
  clear() {
    for (const layer of this.#layers.values()) if (layer.size) layer.clear();
  }
}
