// Draws a SpanDocument as flat segments: each block is cut at every span edge, and a segment knows the spans it lies in,
// so overlaps and nesting need no nested elements. Note text enters the page as text nodes only.

import { inReadingOrder } from './document.js';

const PLAIN_COLOR = '#808080';
const MAX_LINES = 4; // underlines drawn below one another where spans overlap
const BADGE_SUFFIX = { suggested: '?', confirmed: '', rejected: ' ✗' };

/** A colour from data ends up in CSS: anything but a hexadecimal colour could load a URL. */
export function safeColor(color) {
  return /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.test(color ?? '') ? color : PLAIN_COLOR;
}

export class Painter {
  #spansOf = new WeakMap(); // segment element -> spans, innermost first
  #blockOf = new WeakMap(); // block element -> block
  #colors = new Map();
  #document;
  #active = null;

  /** @param {HTMLElement} element the text pane, emptied and filled by the painter */
  constructor(element) {
    this.element = element;
  }

  /** Draws everything. */
  mount(document_, labels) {
    this.#document = document_;
    this.#colors = new Map(labels.map((label) => [label.name, safeColor(label.color)]));
    this.#active = null;
    const elements = document_.blocks.map((block) => {
      block.element = document.createElement('div');
      block.element.className = 'block';
      this.#blockOf.set(block.element, block);
      this.#paintBlock(block);
      return block.element;
    });
    this.element.replaceChildren(...elements);
  }

  /** Redraws the blocks that an edit touched. */
  paint(blocks) {
    for (const block of blocks) this.#paintBlock(block);
  }

  /** Marks one span as the active one and takes the mark from the span that had it. */
  activate(span) {
    const previous = this.#active && this.#document.get(this.#active);
    this.#active = span?.id ?? null;
    this.paint(new Set([previous, span].filter(Boolean).flatMap((one) => this.#document.blocksOf(one))));
  }

  #paintBlock(block) {
    const spans = [...block.spans].sort(inReadingOrder);
    const cuts = new Set([block.start, block.end]);
    for (const { start, end } of spans) {
      if (start > block.start) cuts.add(start);
      if (end < block.end) cuts.add(end);
    }
    const edges = [...cuts].sort((a, b) => a - b);
    const nodes = [];
    let open = [];
    let next = 0;
    for (let i = 0; i + 1 < edges.length; i += 1) {
      const [start, end] = [edges[i], edges[i + 1]];
      open = open.filter((span) => span.end > start);
      while (next < spans.length && spans[next].start <= start) open.push(spans[next++]);
      const text = document.createTextNode(this.#document.text.slice(start, end));
      nodes.push(open.length ? this.#segment(text, open, start, end) : text);
    }
    block.element.replaceChildren(...nodes);
  }

  #segment(text, open, start, end) {
    const innermostFirst = [...open].sort((a, b) => a.end - a.start - (b.end - b.start));
    const active = open.find((span) => span.id === this.#active);
    const main = active ?? innermostFirst[0];
    const element = document.createElement('mark');
    element.className = `segment ${main.state}`;
    element.style.setProperty('--color', this.#color(main));
    element.style.setProperty('background', this.#background(open, main));
    element.style.setProperty('--lines', String(Math.min(open.length, MAX_LINES)));
    if (active) {
      element.classList.add('active');
      element.classList.toggle('first', active.start === start);
      element.classList.toggle('last', active.end === end);
    }
    const ending = innermostFirst.filter((span) => span.end === end);
    if (ending.length) {
      element.dataset.badge = ending.map((span) => span.label + BADGE_SUFFIX[span.state]).join(' · ');
    }
    const suggestion = innermostFirst.find((span) => span.state === 'suggested' && span.score !== null);
    if (suggestion) element.title = describe(suggestion);
    element.append(text);
    this.#spansOf.set(element, innermostFirst);
    return element;
  }

  #color(span) {
    return this.#colors.get(span.label) ?? PLAIN_COLOR;
  }

  /** Underlines of all spans (outermost lowest) over the tint of the main one, as layers of one background. */
  #background(open, main) {
    const lines = open.slice(-MAX_LINES).reverse();
    const layers = lines.map((span, level) => `${line(span.state, this.#color(span))} 0 calc(100% - ${
      3 * (lines.length - 1 - level)}px) / 100% 2px no-repeat`);
    const share = main.id === this.#active ? 40 : 22;
    const tint = `color-mix(in srgb, ${this.#color(main)} ${share}%, transparent)`;
    if (main.state === 'confirmed') layers.push(`linear-gradient(${tint}, ${tint})`);
    if (main.state === 'suggested') {
      layers.push(`repeating-linear-gradient(135deg, ${tint} 0 4px, transparent 4px 8px)`);
    }
    return layers.join(', ');
  }

  /** The spans drawn under a pointer event, innermost first. */
  spansAt(event) {
    const segment = event.composedPath().find((node) => this.#spansOf.has(node));
    return segment ? this.#spansOf.get(segment) : [];
  }

  /** The first element that shows a span; null if it is not drawn. */
  elementOf(span) {
    const { children } = this.#document.blockAt(span.start).element;
    return [...children].find((child) => this.#spansOf.get(child)?.some((one) => one.id === span.id)) ?? null;
  }

  /** UTF-16 offset of a DOM position inside the text pane; null for a position elsewhere. */
  offsetOf(node, offset) {
    if (node === this.element) {
      const block = this.#blockOf.get(node.children[offset]);
      return block ? block.start : this.#document.text.length;
    }
    let child = node;
    while (child && !this.#blockOf.has(child.parentNode) && !this.#blockOf.has(child)) child = child.parentNode;
    if (!child) return null;
    if (this.#blockOf.has(child)) return this.#blockOf.get(child).start + lengthBefore(child.childNodes[offset], child);
    const within = node.nodeType === Node.TEXT_NODE ? offset : offset > 0 ? child.textContent.length : 0;
    return this.#blockOf.get(child.parentNode).start + lengthBefore(child, child.parentNode) + within;
  }

  /** A DOM range over [start, end) UTF-16 units. */
  rangeOf(start, end) {
    const range = document.createRange();
    range.setStart(...this.#positionOf(start, this.#document.blockAt(start)));
    range.setEnd(...this.#positionOf(end, this.#document.blockAt(Math.max(start, end - 1))));
    return range;
  }

  #positionOf(offset, block) {
    let left = offset - block.start;
    for (const child of block.element.childNodes) {
      const text = child.nodeType === Node.TEXT_NODE ? child : child.firstChild;
      if (left <= text.length) return [text, left];
      left -= text.length;
    }
    return [block.element, block.element.childNodes.length];
  }
}

/** Label, state and score of a span in words. */
export function describe(span) {
  const state = { suggested: 'suggestion', confirmed: 'confirmed', rejected: 'rejected' }[span.state];
  const score = span.score === null ? '' : ` · score ${span.score.toFixed(2)}`;
  return `${span.label} · ${state}${score}`;
}

function line(state, color) {
  if (state === 'confirmed') return `linear-gradient(${color}, ${color})`;
  const [ink, gap] = state === 'suggested' ? [6, 10] : [2, 5];
  return `repeating-linear-gradient(90deg, ${color} 0 ${ink}px, transparent ${ink}px ${gap}px)`;
}

function lengthBefore(child, block) {
  let length = 0;
  for (const node of block.childNodes) {
    if (node === child) break;
    length += node.textContent.length;
  }
  return length;
}
