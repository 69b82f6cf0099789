// What the frame of a key shows of its edit: colours and lines, which lay nothing out anew. The painter draws the rest (badges,
// segments) right after that frame.

import { samePlace } from './document.js';
import { facts } from './segments.js';

export class Ahead {
  #layers = new Map(); // name → Highlight, registered as long as the page lives: registering is what costs

  /** @param {{segmentsOf: Function, isDrawn: Function, rangeOf: Function, restyle: Function, colorOf: Function}} painter */
  constructor(painter) {
    this.painter = painter;
  }

  /**
   * Shows a change that is already made in the document.
   * @param {import('./document.js').Change} change
   * @returns {boolean} false: it cannot be shown by colour and has to be drawn now
   */
  show({ before, after }) {
    const { painter } = this;
    if (!globalThis.CSS?.highlights) return false;
    if (![before, after].every((span) => !span || painter.isDrawn(span))) return false;
    if (!after) return this.#leave(before);
    if (!before) return this.#tint(after);
    const segments = painter.segmentsOf(after);
    if (!samePlace(before, after) && !this.#move(before, after)) return false;
    for (const segment of segments) painter.restyle(segment);
    return true;
  }

  /** A span that is gone: its segments look like plain text, if they show nothing else. */
  #leave(span) {
    const segments = this.painter.segmentsOf(span);
    const alone = segments.every((segment) => facts.get(segment).ids.length === 1 && !facts.get(segment).passing.length);
    if (alone) for (const segment of segments) segment.setAttribute('class', 'segment leaving');
    return alone;
  }

  /** A span that is new is tinted in its label's colour. */
  #tint(span) {
    if (span.fragments.length) return false;
    this.#highlight(`ahead-${this.painter.colorOf(span.label).name}`, span.start, span.end);
    return true;
  }

  /** A span one edge of which has moved: what it has taken is tinted, what it has left looks like the page. */
  #move(before, after) {
    if (before.fragments.length || after.fragments.length) return false;
    if (before.start !== after.start && before.end !== after.end) return false;
    const name = `ahead-${this.painter.colorOf(after.label).name}`;
    const part = (layer, start, end) => start < end && this.#highlight(layer, start, end);
    part(name, after.start, before.start);
    part(name, before.end, after.end);
    part('ahead-left', before.start, after.start);
    part('ahead-left', after.end, before.end);
    return true;
  }

  #highlight(name, start, end) {
    let layer = this.#layers.get(name);
    if (!layer) {
      layer = new Highlight();
      this.#layers.set(name, layer);
      CSS.highlights.set(`medner-${name}`, layer);
    }
    const { startContainer, startOffset, endContainer, endOffset } = this.painter.rangeOf(start, end);
    layer.add(new StaticRange({ startContainer, startOffset, endContainer, endOffset }));
  }

  /** The painter has drawn everything. */
  clear() {
    for (const layer of this.#layers.values()) if (layer.size) layer.clear();
  }
}
