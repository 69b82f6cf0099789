//# allFunctionsCalledOnLoad
// Draws a SpanDocument: one element per block of text, in it the segments of segments.js.
// What a key costs is what it touches here: its own frame shows by highlights what it did (ahead.js); looks, words on badges and new
// segments, which lay a paragraph out anew, follow right after that frame. Blocks far from what is seen hold plain text until there is time
// to draw their spans.

import { Ahead } from './ahead.js';
import { PLAIN_COLOR, rulesFor, safeColor } from './colors.js';
import { samePlace } from './document.js';
import { afterFrame, whenIdle } from './http.js';
import { dress, dressColors, facts, nodesFor } from './segments.js';

const FIRST_BLOCKS = 8; // drawn before the first frame: more than a window shows
const IDLE_BLOCKS = 6; // drawn at a time afterwards

export class Painter {
  #labels = [];
  #colors = new Map(); // label → {name, color}
  #sheet = new CSSStyleSheet();
  #rules = '';
  #ink = 'currentcolor';
  #late = []; // changes that are drawn after the frame
  #undressed = new Set(); // spans that were or became active, whose segments are dressed after the frame
  #ahead;
  #blockOf = new WeakMap(); // block element → block
  #document;
  #active = null;
  #layers = new Map(); // name → {ranges, shown: Map<block, StaticRange[]>, highlight}
  #idle = false;
  #near = new IntersectionObserver((entries) => this.#approach(entries), { rootMargin: '800px' });

  /** @param {HTMLElement} element emptied and filled by the painter */
  constructor(element) {
    this.element = element;
    this.#ahead = new Ahead({
      segmentsOf: (span) => this.#segments(span),
      isDrawn: (range) => this.#document.blocksOf(range).every((block) => block.drawn),
      staticRangeOf: (start, end) => this.#staticRangeOf(start, end),
      restyle: (segment) => dressColors(segment, this.#document, this.#active, this.#colorOf),
      colorOf: (label) => this.#colorOf(label),
      spanOf: (id) => this.#document.get(id),
    });
  }

  /** Draws everything: what is seen first now, the rest when there is time. */
  mount(document_, labels) {
    this.#document = document_;
    this.#active = null;
    this.#late = [];
    this.#undressed.clear();
    this.#ahead.clear();
    this.#near.disconnect();
    this.#labels = labels;
    this.#colors = new Map(labels.map(({ name, color }, i) => [name, { name: `label-${i}`, color: safeColor(color) }]));
    this.updateColors();
    const elements = document_.blocks.map((block) => {
      block.element = document.createElement('div');
      block.element.className = 'block';
      block.drawn = false;
      this.#blockOf.set(block.element, block);
      return block.element;
    });
    document_.blocks.forEach((block, i) => {
      if (i < FIRST_BLOCKS) this.#draw(block);
      else block.element.append(...nodesFor(document_, [], block.start, block.end));
    });
    this.element.replaceChildren(...elements);
    this.#showLayers();
    if (document_.blocks.length > FIRST_BLOCKS) {
      for (const element of elements.slice(FIRST_BLOCKS)) this.#near.observe(element);
      this.#drawRest();
    }
  }

  #approach(entries) {
    for (const { isIntersecting, target } of entries) {
      const block = this.#blockOf.get(target);
      if (isIntersecting && block && this.#document.blocks.includes(block)) this.#need(block);
    }
  }

  #drawRest() {
    if (this.#idle) return;
    this.#idle = true;
    whenIdle(() => {
      this.#idle = false;
      const left = this.#document.blocks.filter((block) => !block.drawn);
      for (const block of left.slice(0, IDLE_BLOCKS)) this.#need(block);
      if (left.length > IDLE_BLOCKS) this.#drawRest();
    });
  }

  #need(block) {
    if (block.drawn) return;
    this.#draw(block);
    this.#showLayersIn(block);
  }

  #draw(block) {
    block.drawn = true;
    this.#near.unobserve(block.element);
    const nodes = nodesFor(this.#document, block.spans, block.start, block.end);
    this.#dressAll(nodes);
    block.element.replaceChildren(...nodes);
  }

  /** Reads the colour of the theme's text. The browser brings styles up to date for that, so ask before the page is changed. */
  readTheme(parent) {
    const styled = parent instanceof Element ? parent : parent.host;
    this.#ink = getComputedStyle(styled).getPropertyValue('--st-text-color').trim() || 'currentcolor';
  }

  /** Writes the rules of the labels for the theme as it was read. */
  updateColors() {
    const rules = rulesFor(this.#labels.map(({ color }) => color), this.#ink);
    const root = this.element.getRootNode();
    if (!root.adoptedStyleSheets.includes(this.#sheet)) root.adoptedStyleSheets = [...root.adoptedStyleSheets, this.#sheet];
    if (rules === this.#rules) return;
    this.#rules = rules;
    this.#sheet.replaceSync(rules);
  }

  #colorOf = (label) => this.#colors.get(label) ?? { name: 'label-none', color: PLAIN_COLOR };

  // ---- changes

  /** Draws what these changes have touched: at once by colour, completely after the frame. The document was settled before they were
   *  made in it. */
  paint(changes) {
    this.#late = changes;
    // Of several changes one can take away a span that the segments of another still know.
    if (changes.length === 1 && this.#ahead.show(changes[0])) afterFrame(() => this.settle());
    else this.settle();
  }

  /** Completes what the last key has changed. */
  settle() {
    const changes = this.#late;
    if (!changes.length && !this.#undressed.size) return;
    this.#late = [];
    this.#ahead.clear();
    // Nodes first: until they are replaced, segments know spans that are gone.
    const stays = ({ before, after }) => before && after && samePlace(before, after);
    for (const change of changes) {
      if (!stays(change)) for (const span of [change.before, change.after]) if (span) this.#replace(span.start, span.end);
    }
    for (const change of changes) if (stays(change)) this.#restyle(change.after);
    for (const id of this.#undressed) this.#restyle(this.#document.get(id));
    this.#undressed.clear();
    for (const layer of this.#layers.values()) if (layer.waits) this.#showLayer(layer);
  }

  /** Replaces the nodes that show [start, end). */
  #replace(start, end) {
    for (const block of this.#document.blocksOf({ start, end })) {
      if (block.drawn) this.#replaceIn(block, start, end);
    }
  }

  #replaceIn(block, start, end) {
    const all = [...block.element.childNodes];
    let first = all.findIndex((node) => facts.get(node).end > start);
    let last = all.findLastIndex((node) => facts.get(node).start < end);
    // Plain neighbours come along, so that text does not fall into ever smaller pieces.
    const isPlain = (node) => node && node.localName !== 'mark';
    while (isPlain(all[first - 1])) first -= 1;
    while (isPlain(all[last + 1])) last += 1;
    const old = all.slice(first, last + 1);
    const nodes = nodesFor(this.#document, block.spans, facts.get(old[0]).start, facts.get(old.at(-1)).end);
    this.#dressAll(nodes);
    old[0].before(...nodes);
    for (const node of old) node.remove();
    this.#showLayersIn(block);
  }

  #dressAll(nodes) {
    for (const node of nodes) if (node.localName === 'mark') dress(node, this.#document, this.#active, this.#colorOf);
  }

  /** Brings the segments of a span that has stayed where it is up to date. */
  #restyle(span) {
    if (span) for (const element of this.#segments(span)) dress(element, this.#document, this.#active, this.#colorOf);
  }

  /** Marks one span as the active one and takes the mark from the span that had it. */
  activate(span) {
    const previous = this.#active && this.#document.get(this.#active);
    const id = span?.id ?? null;
    if (id === this.#active) return;
    this.#active = id;
    for (const one of [previous, span]) if (one) this.#undressed.add(one.id);
    if (this.#ahead.activate(span)) afterFrame(() => this.settle());
    else this.settle();
  }

  /** The elements that show a span, in text order. */
  segmentsOf(span) {
    this.settle();
    return this.#segments(span);
  }

  #segments(span) {
    const found = [];
    for (const block of this.#document.blocksOf(span)) {
      this.#need(block);
      for (let child = block.element.firstElementChild; child; child = child.nextElementSibling) {
        const { start, end, ids, passing } = facts.get(child);
        if (start >= span.end) break;
        if (end > span.start && (ids.includes(span.id) || passing.includes(span.id))) found.push(child);
      }
    }
    return found;
  }

  /** The first element that shows a span; null if it is not drawn. */
  elementOf(span) {
    return this.segmentsOf(span)[0] ?? null;
  }

  /** Where on the screen a range is, without completing anything; null: that has to come first. */
  boxOf(range) {
    const [first] = range.id ? this.#segments(range) : [];
    if (first) return first.getBoundingClientRect();
    return this.#late.length ? null : this.#rangeOf(range.start, range.end).getBoundingClientRect();
  }

  /** Draws the spans around a place that is about to be shown. */
  prepare(range) {
    for (const block of this.#document.blocksOf(range)) this.#need(block);
  }

  // ---- layers that only paint

  /**
   * Paints ranges of text without touching its layout: `::highlight(medner-NAME)` in the style sheet says how.
   * @param {string} name
   * @param {{start: number, end: number}[]} ranges UTF-16 offsets, replacing those of the last call; empty: takes the layer away
   */
  decorate(name, ranges) {
    if (!globalThis.CSS?.highlights) return;
    let layer = this.#layers.get(name);
    if (!ranges.length && !layer?.ranges.length) return;
    if (!layer) {
      layer = { highlight: new Highlight(), shown: new Map(), ranges: [] };
      this.#layers.set(name, layer);
    }
    layer.ranges = ranges;
    layer.waits = Boolean(this.#late.length && ranges.length);
    if (layer.waits) this.#hideLayer(layer);
    else this.#showLayer(layer);
    if (ranges.length) CSS.highlights.set(`medner-${name}`, layer.highlight);
    else CSS.highlights.delete(`medner-${name}`);
  }

  /** Takes all layers away. */
  undecorate() {
    for (const name of this.#layers.keys()) this.decorate(name, []);
  }

  #showLayers() {
    for (const layer of this.#layers.values()) this.#showLayer(layer);
  }

  #hideLayer(layer) {
    layer.highlight.clear();
    layer.shown.clear();
  }

  #showLayer(layer) {
    this.#hideLayer(layer);
    layer.waits = false;
    const length = this.#document?.text.length ?? 0;
    for (const range of layer.ranges) {
      const within = { start: Math.max(0, range.start), end: Math.min(range.end, length) };
      if (within.start >= within.end) continue;
      for (const block of this.#document.blocksOf(within)) {
        const parts = layer.shown.get(block) ?? { ranges: [], drawn: [] };
        parts.ranges.push({ start: Math.max(within.start, block.start), end: Math.min(within.end, block.end) });
        layer.shown.set(block, parts);
      }
    }
    for (const block of layer.shown.keys()) this.#showLayerIn(layer, block);
  }

  #showLayersIn(block) {
    for (const layer of this.#layers.values()) if (layer.shown.has(block)) this.#showLayerIn(layer, block);
  }

  #showLayerIn(layer, block) {
    const parts = layer.shown.get(block);
    for (const old of parts.drawn) layer.highlight.delete(old);
    parts.drawn = parts.ranges.map(({ start, end }) => this.#staticRangeOf(start, end));
    for (const range of parts.drawn) layer.highlight.add(range);
  }

  // ---- offsets and places in the page

  /** The spans drawn under a pointer event, innermost first; those that only pass over it come last. */
  spansAt(event) {
    this.settle();
    const segment = event.composedPath().find((node) => node.localName === 'mark' && facts.has(node));
    if (!segment) return [];
    const { ids, passing } = facts.get(segment);
    const size = (span) => span.end - span.start;
    const inside = (some) => some.map((id) => this.#document.get(id)).filter(Boolean).sort((a, b) => size(a) - size(b));
    return [...inside(ids), ...inside(passing)];
  }

  /** UTF-16 offset of a DOM position inside the text; null for a position elsewhere. */
  offsetOf(node, offset) {
    this.settle();
    const { length } = this.#document.text;
    if (node === this.element) return this.#blockOf.get(node.children[offset])?.start ?? length;
    const fact = facts.get(node);
    if (node.nodeType === Node.TEXT_NODE) return fact ? fact.start + offset : null;
    const block = this.#blockOf.get(node);
    if (!fact && !block) return null;
    const child = node.childNodes[offset];
    return child ? facts.get(child).start : (fact ?? block).end;
  }

  /** A DOM range over [start, end) UTF-16 units. */
  rangeOf(start, end) {
    this.settle();
    return this.#rangeOf(start, end);
  }

  #rangeOf(start, end) {
    const { startContainer, startOffset, endContainer, endOffset } = this.#boundsOf(start, end);
    const range = document.createRange();
    range.setStart(startContainer, startOffset);
    range.setEnd(endContainer, endOffset);
    return range;
  }

  /** For a highlight: a live range would be kept up to date with every node that is replaced. */
  #staticRangeOf(start, end) {
    return new StaticRange(this.#boundsOf(start, end));
  }

  #boundsOf(start, end) {
    const [startContainer, startOffset] = this.#positionOf(start, this.#document.blockAt(start));
    const [endContainer, endOffset] = this.#positionOf(end, this.#document.blockAt(Math.max(start, end - 1)));
    return { startContainer, startOffset, endContainer, endOffset };
  }

  #positionOf(offset, block) {
    let node = block.element;
    while (node.nodeType !== Node.TEXT_NODE) {
      let child = node.firstChild;
      if (!child) return [node, 0];
      while (offset > facts.get(child).end && child.nextSibling) child = child.nextSibling;
      node = child;
    }
    return [node, Math.min(Math.max(0, offset - facts.get(node).start), node.length)];
  }
}
