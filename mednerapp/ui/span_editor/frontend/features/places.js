// One change of every place where the same words stand, in the note that is open. The same rules as mednerapp/domain/bulk.py,
// which does it in the other notes.

import { NEW_SPAN } from '../document.js';
import { uuid } from '../http.js';
import { findMentions } from './mentions.js';

/**
 * @typedef {object} BulkChange
 * @property {'create' | 'relabel' | 'delete' | 'reject' | 'accept'} kind
 * @property {string} mention
 * @property {string} label
 * @property {string} newLabel only to relabel: what spans with `label` get
 * @property {boolean} wholeWords
 *
 * @typedef {{start: number, end: number, span: import('../document.js').Span | null}} Place  span: null where one is made
 */

/**
 * Where there is something to do, in text order.
 * create: where no span with the label stands that a person confirmed or rejected; a suggestion is accepted.
 * relabel, delete: every span with the label that was not rejected; none is relabelled to what is there already.
 * reject, accept: every suggestion with the label.
 * @param {import('../document.js').SpanDocument} document_
 * @param {BulkChange} change
 * @returns {Place[]}
 */
export function placesOf(document_, { kind, mention, label, newLabel, wholeWords }) {
  const at = new Map();
  for (const span of document_.sorted) {
    if (span.fragments.length) continue;
    const key = `${span.start} ${span.end}`;
    if (at.has(key)) at.get(key).push(span);
    else at.set(key, [span]);
  }
  return findMentions(document_.text, mention, { wholeWords }).flatMap(({ start, end }) => {
    const here = at.get(`${start} ${end}`) ?? [];
    const same = here.filter((span) => span.label === label);
    if (kind === 'create') {
      return same.every(({ state }) => state === 'suggested') ? [{ start, end, span: same[0] ?? null }] : [];
    }
    if (here.some((span) => span.label === newLabel && span.state === 'confirmed')) return [];
    return same.filter((span) => concerns(kind, span)).map((span) => ({ start, end, span }));
  });
}

const concerns = (kind, { state }) => (['relabel', 'delete'].includes(kind) ? state !== 'rejected' : state === 'suggested');

/** What the change does at a place. @returns {import('../document.js').Change} */
export function changeAt({ start, end, span: before }, { kind, label, newLabel }, scopes) {
  if (!before) {
    return { before, after: { ...NEW_SPAN, id: uuid(), start, end, label, ...scopes.attributesAt({ start, end }) } };
  }
  if (kind === 'delete') return { before, after: null };
  if (kind === 'reject') return { before, after: { ...before, state: 'rejected' } };
  return { before, after: { ...before, label: kind === 'relabel' ? newLabel : before.label, state: 'confirmed' } };
}
