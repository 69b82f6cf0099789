// What the person last did to a span, so that the same can be offered for all identical mentions.

import { mentionOf, samePlace } from '../document.js';

/** @typedef {{kind: string, mention: string, label: string, newLabel: string}} Deed */

/**
 * What the person did last, read from the newest step that can be undone; null once they have gone on to another span, or if it
 * cannot be repeated elsewhere.
 * @param {import('../editor.js').SpanEditor} editor
 * @returns {Deed | null}
 */
export function latestDeed({ document: document_, history, activeSpan, selected }) {
  const step = history.canRedo ? null : history.latest;
  if (!step || step.bulk || step.joins || step.changes.length !== 1 || selected) return null;
  const [{ before, after }] = step.changes;
  if (before && after && !samePlace(before, after)) return null;
  if (activeSpan?.id !== activeAfter(document_, before, after)) return null;
  if (!after) return deedOn(document_, before, 'delete', before.label);
  if (!before) return deedOn(document_, after, 'create', after.label);
  if (before.label !== after.label) return deedOn(document_, after, 'relabel', before.label, after.label);
  if (before.state === after.state || after.state === 'suggested') return null;
  return deedOn(document_, after, after.state === 'confirmed' ? 'accept' : 'reject', after.label);
}

/** Id of the span that the editor makes active after such a change. */
function activeAfter(document_, before, after) {
  if (!after) return (document_.sorted[document_.rank(before)] ?? document_.sorted.at(-1))?.id;
  const judged = before && before.label === after.label && before.state !== after.state;
  return (judged && document_.nextSuggestion(after)?.id) || after.id;
}

function deedOn(document_, span, kind, label, newLabel = '') {
  return span.fragments.length ? null : { kind, mention: mentionOf(document_.text, span), label, newLabel };
}

/** What is offered for a span that nothing was done to: a suggestion is accepted elsewhere, a confirmed one labelled. */
export function usual(document_, span) {
  const kind = { suggested: 'accept', confirmed: 'create', rejected: 'reject' }[span.state];
  return deedOn(document_, span, kind, span.label);
}
