// What the person last did to a span, so that the same can be offered for all identical mentions.

import { mentionOf } from '../document.js';

/**
 * Watches the active span from one refresh to the next; takes the same time however many spans there are.
 * @typedef {{kind: string, mention: string, label: string, newLabel: string}} Deed
 */
export class Latest {
  #seen = null; // the span that was active at the last refresh
  #number = 0; // of spans at that time
  #deed = null;
  #active = null; // id of the active span just after the deed; once it is another one the deed is past
  #document = null;

  /** Another note is shown. */
  forget() {
    this.#seen = null;
    this.#deed = null;
    this.#document = null;
  }

  /** @param {import('../editor.js').SpanEditor} editor
   *  @returns {boolean} whether the person has just done something that can be repeated elsewhere */
  look({ document: document_, activeSpan, history }) {
    const known = this.#document === document_;
    const deed = known && !history.canRedo ? this.#done(document_, activeSpan) : null;
    const active = activeSpan?.id ?? null;
    if (deed) this.#active = active;
    if (deed || !known || active !== this.#active || history.canRedo) this.#deed = deed;
    this.#seen = activeSpan;
    this.#number = document_.sorted.length;
    this.#document = document_;
    return Boolean(deed);
  }

  /** @returns {Deed | null} what the person did last, null once they have gone on to another span */
  get deed() {
    return this.#deed;
  }

  #done(document_, active) {
    const before = this.#seen;
    const after = before && document_.get(before.id);
    if (active && active.id !== before?.id && active.origin === 'person' && document_.sorted.length === this.#number + 1) {
      return deedOn(document_, active, 'create', active.label);
    }
    if (!before) return null;
    if (!after) return deedOn(document_, before, 'delete', before.label);
    if (after.label !== before.label) return deedOn(document_, after, 'relabel', before.label, after.label);
    if (after.state === before.state || after.state === 'suggested') return null;
    return deedOn(document_, after, after.state === 'confirmed' ? 'accept' : 'reject', after.label);
  }
}

function deedOn(document_, span, kind, label, newLabel = '') {
  return span.fragments.length ? null : { kind, mention: mentionOf(document_.text, span), label, newLabel };
}

/** What is offered for a span that nothing was done to: a suggestion is accepted elsewhere, a confirmed one labelled. */
export function usual(document_, span) {
  const kind = { suggested: 'accept', confirmed: 'create', rejected: 'reject' }[span.state];
  return deedOn(document_, span, kind, span.label);
}
