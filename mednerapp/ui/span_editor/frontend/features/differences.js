// Where two sets of spans of the same text differ.

import { assertionDiffers } from '../assertions.js';
import { inReadingOrder, samePlace } from '../document.js';
import { lowerBound } from '../offsets.js';

/**
 * @typedef {object} Difference
 * @property {'label' | 'boundaries' | 'assertion' | 'remark' | 'mine' | 'theirs'} kind remark: no difference, but they are
 *   unsure of it or have commented it
 * @property {import('../document.js').Span | null} mine null: only theirs
 * @property {import('../document.js').Span | null} theirs null: only mine
 */

/** Whether a person has only remarked upon a span, without saying that it is one. */
const onlyRemarked = (span) => span.state !== 'confirmed' && remarkOf(span) !== '';

/** Theirs that are there. */
export const standing = (theirs) => theirs.filter((span) => span.state !== 'rejected' && !onlyRemarked(span));

/**
 * Each span is in at most one difference, and may be in a remark of theirs besides. Rejected spans count as not there. Spans of the
 * same place belong together first, then spans that overlap, those with the same label first.
 * @param {import('../document.js').Span[]} mine
 * @param {import('../document.js').Span[]} theirs
 * @param {{assertions?: boolean}} [options] assertions: they have had a say in that, as no model has
 * @returns {Difference[]} in text order
 */
export function differences(mine, theirs, { assertions = true } = {}) {
  let own = mine.filter(({ state }) => state !== 'rejected').sort(inReadingOrder);
  let other = standing(theirs).sort(inReadingOrder);
  const longest = Math.max(0, ...other.map(({ start, end }) => end - start));
  const found = [];
  const pair = (kindOf, fits) => {
    const left = new Set(other);
    own = own.filter((span) => {
      const twin = nearby(other, span, longest).find((one) => left.has(one) && fits(span, one));
      if (!twin) return true;
      left.delete(twin);
      const kind = kindOf(span, twin);
      if (kind) found.push({ kind, mine: span, theirs: twin });
      return false;
    });
    other = other.filter((span) => left.has(span));
  };
  pair((a, b) => (assertions && assertionDiffers(a, b) ? 'assertion' : remarkOf(b) && 'remark'), (a, b) => samePlace(a, b) && a.label === b.label);
  pair(() => 'label', samePlace);
  pair(() => 'boundaries', (a, b) => a.label === b.label);
  pair(() => 'boundaries', () => true);
  found.push(...own.map((span) => ({ kind: 'mine', mine: span, theirs: null })),
    ...other.map((span) => ({ kind: 'theirs', mine: null, theirs: span })));
  for (const remarked of theirs.filter(onlyRemarked)) {
    found.push({ kind: 'remark', mine: mine.find((span) => samePlace(span, remarked)) ?? null, theirs: remarked });
  }
  return found.sort((a, b) => inReadingOrder(a.mine ?? a.theirs, b.mine ?? b.theirs));
}

/** "unsure, “since when?”", '' where nothing is said. */
export function remarkOf({ unsure, comment }) {
  return [unsure && 'unsure', comment && `“${comment}”`].filter(Boolean).join(', ');
}

/** The spans of a sorted list that overlap one; `longest`: of the list, so that one knows where to begin. */
function nearby(sorted, { start, end }, longest) {
  const overlapping = [];
  let i = lowerBound(sorted.length, (k) => sorted[k].start < start - longest);
  for (; i < sorted.length && sorted[i].start < end; i += 1) if (sorted[i].end > start) overlapping.push(sorted[i]);
  return overlapping;
}

/** What makes mine the same as theirs there. @returns {import('../document.js').Change} */
export function taking({ kind, mine, theirs }, fresh) {
  if (kind === 'mine') return { before: mine, after: null };
  if (kind === 'theirs') return { before: null, after: { ...fresh, start: theirs.start, end: theirs.end, fragments: theirs.fragments, label: theirs.label } };
  if (kind === 'assertion') return { before: mine, after: { ...mine, assertion: theirs.assertion, assertionBy: theirs.assertionBy, state: 'confirmed' } };
  const { start, end, fragments, label } = theirs;
  return { before: mine, after: { ...mine, start, end, fragments, label, state: 'confirmed' } };
}
