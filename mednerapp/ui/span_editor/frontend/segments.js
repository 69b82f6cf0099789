//# allFunctionsCalledOnLoad
// Draws one block of text as flat segments: the block is cut at every edge of a span, and a segment knows the spans it
// lies in, so overlaps and nesting need no nested elements. Note text enters the page as text nodes only.

import { inReadingOrder, piecesOf } from './document.js';
import { assertionWords } from './assertions.js';
import { appendText } from './visible.js';

const MAX_LINES = 4; // underlines drawn below one another where spans overlap
const STATE_MARK = { suggested: '?', confirmed: '', rejected: ' ✗' };

/** What every node knows: where its text begins, and (for a segment) the ids of the spans that mark it or pass over it.
 *  @type {WeakMap<Node, {start: number, end: number, ids: string[], passing: string[]}>} */
export const facts = new WeakMap();

/** The words on a span's badge: label, state, assertion, doubt, comment; never colour alone. */
export function badgeOf(span) {
  const assertion = assertionWords(span);
  return [
    span.label + STATE_MARK[span.state], ...(assertion ? [assertion] : []),
    ...(span.unsure ? ['⚑ unsure'] : []), ...(span.comment ? ['✎'] : []),
  ].join(' · ');
}

/**
 * The nodes that show [start, end) of a block, which must begin and end at an edge of a segment.
 * @param {import('./document.js').SpanDocument} document_
 * @param {Iterable<import('./document.js').Span>} candidates spans that may reach into it
 * @returns {Node[]}
 */
export function nodesFor(document_, candidates, start, end) {
  const spans = [...candidates].filter((span) => span.start < end && span.end > start).sort(inReadingOrder);
  const cuts = new Set([start, end]);
  for (const span of spans) {
    for (const [from, to] of piecesOf(span)) {
      if (from > start && from < end) cuts.add(from);
      if (to > start && to < end) cuts.add(to);
    }
  }
  const edges = [...cuts].sort((a, b) => a - b);
  const nodes = [];
  let open = [];
  let next = 0;
  for (let i = 0; i + 1 < edges.length; i += 1) {
    const [from, to] = [edges[i], edges[i + 1]];
    open = open.filter((span) => span.end > from);
    while (next < spans.length && spans[next].start <= from) open.push(spans[next++]);
    nodes.push(...(open.length ? [segment(document_.text, open, from, to)] : plain(document_.text, from, to)));
  }
  return nodes;
}

function plain(text, start, end) {
  const fragment = document.createDocumentFragment();
  appendText(fragment, text, start, end, facts);
  return [...fragment.childNodes];
}

function segment(text, open, start, end) {
  const element = document.createElement('mark');
  const marks = (span) => !span.fragments.length || span.fragments.some(([from, to]) => from <= start && to >= end);
  const ids = open.filter(marks).map(({ id }) => id);
  const passing = open.filter((span) => !marks(span)).map(({ id }) => id);
  facts.set(element, { start, end, ids, passing });
  appendText(element, text, start, end, facts);
  return element;
}

const innermost = (a, b) => a.end - a.start - (b.end - b.start);

/** The shortest of some spans, null of none. */
export const innermostOf = (spans) => inner(spans)[0] ?? null;

/** Makes a segment look like the spans that it lies in, as they are now, and say so. */
export function dress(element, document_, activeId, colorOf) {
  dressColors(element, document_, activeId, colorOf);
  dressWords(element, document_);
}

/**
 * What a segment shows by colour and line: nothing in here moves any text.
 * @param {HTMLElement} element
 * @param {import('./document.js').SpanDocument} document_
 * @param {string | null} activeId
 * @param {(label: string) => {name: string, color: string}} colorOf class of the label, and its colour
 */
export function dressColors(element, document_, activeId, colorOf) {
  const { start, end, ids, passing } = facts.get(element);
  const open = ids.map((id) => document_.get(id));
  const over = passing.map((id) => document_.get(id));
  const active = open.find(({ id }) => id === activeId) ?? null;
  const main = active ?? innermostOf(open) ?? over[0];
  const classes = ['segment', colorOf(main.label).name, open.length ? main.state : 'gap'];
  if (active) {
    const pieces = piecesOf(active);
    classes.push('active');
    if (pieces.some(([from]) => from === start)) classes.push('first');
    if (pieces.some(([, to]) => to === end)) classes.push('last');
  } else if (over.some(({ id }) => id === activeId)) classes.push('between');
  set(element, 'class', classes.join(' '));
  const mixed = open.length > 1 || (open.length && over.length);
  set(element, 'style', mixed ? `background: ${layered(open, over, main, activeId, colorOf)}; --lines: ${
    Math.min(open.length + over.length, MAX_LINES)}` : null);
}

/** What a segment says: the badges of the spans that end in it, their scores, its tooltip. */
export function dressWords(element, document_) {
  const { end, ids } = facts.get(element);
  const innermostFirst = inner(ids.map((id) => document_.get(id)));
  const ending = innermostFirst.filter((span) => span.end === end);
  set(element, 'data-badge', ending.length ? ending.map(badgeOf).join(' · ') : null);
  const scored = innermostFirst.find((span) => span.state === 'suggested' && span.score !== null);
  const scores = ending.filter(({ score }) => score !== null).map(({ score }) => score.toFixed(2));
  set(element, 'data-score', scores.length ? scores.join(' · ') : null); // shown on demand
  set(element, 'title', scored ? describe(scored) : null);
}

const inner = (spans) => (spans.length > 1 ? [...spans].sort(innermost) : spans);

function set(element, name, value) {
  if (element.getAttribute(name) === value) return;
  if (value === null) element.removeAttribute(name);
  else element.setAttribute(name, value);
}

/** Underlines of all spans (outermost lowest) over the tint of the main one, as layers of one background. */
function layered(open, over, main, activeId, colorOf) {
  const lines = [...open.map((span) => [span.state, span]), ...over.map((span) => ['gap', span])].slice(-MAX_LINES).reverse();
  const layers = lines.map(([state, span], level) => `${line(state, colorOf(span.label).color)} 0 calc(100% - ${
    3 * (lines.length - 1 - level)}px) / 100% ${state === 'gap' ? 1 : 2}px no-repeat`);
  const share = main.id === activeId ? 40 : 22;
  const tint = `color-mix(in srgb, ${colorOf(main.label).color} ${share}%, transparent)`;
  if (main.state === 'confirmed') layers.push(`linear-gradient(${tint}, ${tint})`);
  if (main.state === 'suggested') layers.push(`repeating-linear-gradient(135deg, ${tint} 0 4px, transparent 4px 8px)`);
  return layers.join(', ');
}

function line(state, labelColor) {
  const color = `color-mix(in srgb, ${labelColor} 60%, var(--st-text-color))`; // as --edge in the style sheet
  if (state === 'confirmed' || state === 'gap') return `linear-gradient(${color}, ${color})`;
  const [ink, gap] = state === 'suggested' ? [6, 10] : [2, 5];
  return `repeating-linear-gradient(90deg, ${color} 0 ${ink}px, transparent ${ink}px ${gap}px)`;
}

/** Label, state, assertion, doubt, comment and score of a span in words. */
export function describe(span) {
  const state = { suggested: 'suggestion', confirmed: 'confirmed', rejected: 'rejected' }[span.state];
  const assertion = assertionWords(span).replace('?', ' suggested');
  return [
    span.label, state, ...(assertion ? [assertion] : []), ...(span.unsure ? ['unsure'] : []),
    ...(span.comment ? [`comment: ${span.comment}`] : []),
    ...(span.score === null || span.state !== 'suggested' ? [] : [`score ${span.score.toFixed(2)}`]), // of the label as the model gave it
  ].join(' · ');
}
