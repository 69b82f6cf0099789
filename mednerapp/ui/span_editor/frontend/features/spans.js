// All spans of the note as a list beside it: by label, by what is known of them, in the order of the text or the least certain first.

import { safeColor } from '../colors.js';
import { mentionOf } from '../document.js';
import { button, element } from '../elements.js';
import { whenIdle } from '../http.js';
import { badgeOf } from '../segments.js';
import { count, field, select, walkable, write } from './shared.js';

const ID = 'spans';
const LONGEST = 120; // UTF-16 units of a mention or comment in a row

const KINDS = {
  all: ['All', () => true],
  suggested: ['Suggestions', ({ state }) => state === 'suggested'],
  confirmed: ['Confirmed', ({ state }) => state === 'confirmed'],
  rejected: ['Rejected', ({ state }) => state === 'rejected'],
  unsure: ['Unsure', ({ unsure }) => unsure],
  comment: ['With a comment', ({ comment }) => Boolean(comment)],
};
const ORDERS = { text: 'As in the text', score: 'Least certain first' };
const ANY = ''; // no label is called that

export class Spans {
  static keys = [{ names: ['s'], shift: false, command: 'spans.open', keys: 'S', help: 'list of all spans', group: 'panels' }];

  commands = { open: () => this.editor.side.toggle(ID) };
  #kind = 'all';
  #label = ANY;
  #order = 'text';
  #rows = new Map(); // id → {span, item, button}
  #current = null; // id of the row that is marked
  #waiting = false;
  #choices = element('div', { class: 'row' });
  #count = element('p', { class: 'quiet', role: 'status' });
  #list = walkable(element('ol', { class: 'rows span-list' }));

  /** @param {import('../editor.js').SpanEditor} editor */
  constructor(editor) {
    this.editor = editor;
    // The arrow keys go through the list and the text follows: only then, not when a row is given the focus in here.
    this.#list.addEventListener('focusin', ({ target }) => this.#follow(this.#idOf(target)));
    editor.side.add({ id: ID, title: 'Spans', element: element('div', {}, this.#choices, this.#count, this.#list), onShow: () => this.refresh() });
  }

  load() {
    this.#kind = 'all';
    this.#label = ANY;
    this.#rows.clear();
    this.#list.replaceChildren();
    this.#offer();
    this.refresh();
  }

  refresh() {
    if (!this.#open || this.#waiting) return;
    this.#waiting = true;
    whenIdle(() => {
      this.#waiting = false;
      if (this.#open) this.#draw();
    });
  }

  get #open() {
    return this.editor.side.isOpen(ID) && Boolean(this.editor.document);
  }

  #offer() {
    const change = (set) => (value) => { set(value); this.#draw(); };
    const labels = this.editor.data.labels.map(({ name }) => name);
    this.#choices.replaceChildren(
      field('Show', select(Object.entries(KINDS).map(([key, [words]]) => [key, words]), this.#kind, change((kind) => { this.#kind = kind; }))),
      field('Label', select([[ANY, 'All'], ...labels], this.#label, change((label) => { this.#label = label; }))),
      field('Order', select(Object.entries(ORDERS), this.#order, change((order) => { this.#order = order; }))),
    );
  }

  #chosen() {
    const [, isShown] = KINDS[this.#kind];
    const spans = this.editor.document.sorted.filter((span) => isShown(span) && (this.#label === ANY || span.label === this.#label));
    return this.#order === 'score' ? spans.sort((a, b) => (a.score ?? Infinity) - (b.score ?? Infinity)) : spans;
  }

  /** Brings the list up to date; rows that stay keep their elements, and with them the focus. */
  #draw() {
    const spans = this.#chosen();
    const all = this.editor.document.sorted.length;
    write(this.#count, spans.length < all ? `${spans.length} of ${count(all, 'span')}`
      : all ? count(all, 'span') : 'No spans yet. Select words and press the number of a label.');
    const focused = this.#idOf(this.#list.getRootNode().activeElement);
    const place = [...this.#rows.keys()].indexOf(focused);
    const old = this.#rows;
    this.#rows = new Map(spans.map((span) => [span.id, this.#row(span, old.get(span.id))]));
    for (const [id, { item }] of old) if (this.#rows.get(id)?.item !== item) item.remove();
    let next = this.#list.firstElementChild;
    for (const { item } of this.#rows.values()) {
      if (item === next) next = next.nextElementSibling;
      else this.#list.insertBefore(item, next);
    }
    this.#mark();
    if (focused !== null) this.#keepFocus(place);
  }

  #row(span, old) {
    if (old?.span === span) return old;
    const color = this.editor.data.labels.find(({ name }) => name === span.label)?.color;
    const swatch = element('span', { class: 'swatch', 'aria-hidden': 'true' });
    swatch.style.setProperty('--color', safeColor(color));
    const score = span.state === 'suggested' && span.score !== null ? ` · ${span.score.toFixed(2)}` : '';
    const parts = [
      element('span', { class: 'subject' }, swatch, element('span', { class: 'mention' }, short(mentionOf(this.editor.document.text, span)))),
      element('span', { class: 'quiet' }, badgeOf(span) + score),
      ...(span.comment ? [element('span', { class: 'remark' }, short(span.comment))] : []),
    ];
    if (old) {
      old.button.replaceChildren(...parts);
      old.span = span;
      return old;
    }
    const entry = button(parts, () => this.#go(span.id), { class: 'entry' });
    return { span, button: entry, item: element('li', { 'data-span': span.id }, entry) };
  }

  #idOf(node) {
    return node?.closest?.('[data-span]')?.dataset.span ?? null;
  }

  /** Marks the row of the active span and brings it into view. */
  #mark() {
    const id = this.editor.activeSpan?.id ?? null;
    const row = this.#rows.get(id);
    for (const [other, { button: entry }] of this.#rows) if (other !== id) entry.removeAttribute('aria-current');
    row?.button.setAttribute('aria-current', 'true');
    if (row && id !== this.#current) this.#scrollTo(row.item);
    this.#current = id;
  }

  /** Scrolls the panel alone: the page stays where the person reads. */
  #scrollTo(item) {
    const body = this.#list.closest('.side-body');
    const frame = body.getBoundingClientRect();
    const place = item.getBoundingClientRect();
    if (place.top < frame.top) body.scrollTop += place.top - frame.top;
    else if (place.bottom > frame.bottom) body.scrollTop += place.bottom - frame.bottom;
  }

  /** What a key in the list has done may have taken away the row that had the focus: the active span's has it then, else the one
   *  that is in its place now. */
  #keepFocus(place) {
    const active = this.#rows.get(this.#current);
    const row = active ?? [...this.#rows.values()].at(Math.min(place, this.#rows.size - 1));
    if (row) row.button.focus({ preventScroll: Boolean(active) });
    else this.editor.focus();
  }

  #follow(id) {
    const span = id !== null && this.editor.document.get(id);
    if (span && id !== this.editor.activeSpan?.id) this.editor.activate(span);
  }

  /** A click: the keyboard goes to the text. */
  #go(id) {
    const span = this.editor.document.get(id);
    if (!span) return;
    this.editor.activate(span);
    this.editor.focus();
  }
}

/** On one line, cut at no surrogate pair. */
function short(words) {
  const line = words.replace(/\s+/gu, ' ').trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST).replace(/[\ud800-\udbff]$/u, '')}…` : line;
}
