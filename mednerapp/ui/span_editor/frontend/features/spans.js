// All spans of the note as a list beside it: by label, by what is known of them, in the order of the text or the least certain first.
// The row that has the focus is the span that keys act on. What is active is in the list whatever is chosen, and focus in the list goes
// with it, so that no key meets a span that nobody was looking at.

import { safeColor } from '../colors.js';
import { mentionOf } from '../document.js';
import { button, element } from '../elements.js';
import { whenIdle } from '../http.js';
import { remember, remembered } from '../remembering.js';
import { badgeOf } from '../segments.js';
import { count, field, select, walkable, write } from './shared.js';

const ID = 'spans';
const LONGEST = 120; // UTF-16 units of a mention or comment in a row
const MOVES = ['ArrowDown', 'ArrowUp', 'Home', 'End'];
const ELSEWHERE = ['Tab', 'Escape', 'F6', 'Shift', 'Control', 'Alt', 'Meta', '?']; // keys that do nothing to the span

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
const KEPT = 'medner.spans.order'; // in sessionStorage, like the panel that is open

export class Spans {
  static keys = [{ names: ['s'], shift: false, command: 'spans.open', keys: 'S', help: 'list of all spans', group: 'panels' }];
  static panel = { id: ID, title: 'Spans' };

  commands = { open: () => this.editor.side.toggle(ID) };
  #kind = 'all';
  #label = ANY;
  #order = keptOrder();
  #rows = new Map(); // id → {span, color, item, button}, in the order of the list
  #seen = null; // id of the row that was brought into view
  #stop = null; // the button that Tab reaches
  #offered = '';
  #waiting = false;
  #choices = element('div', { class: 'row span-choices' });
  #count = element('p', { class: 'quiet', role: 'status' });
  #list = walkable(element('ol', { class: 'rows span-list', 'aria-label': 'Spans of the note' }));

  /** @param {import('../editor.js').SpanEditor} editor */
  constructor(editor) {
    this.editor = editor;
    editor.walk.list = this;
    this.#list.addEventListener('keydown', (event) => this.#onFirstMove(event), true);
    this.#list.addEventListener('keydown', (event) => this.#onKey(event)); // after the moves of walkable
    const show = () => { this.#seen = null; if (this.#open) this.#draw(); }; // now: the row gets the focus
    editor.side.add({ ...Spans.panel, element: element('div', {}, this.#choices, this.#count, this.#list), onShow: show });
  }

  load() {
    this.#kind = 'all';
    this.#label = ANY;
    this.#rows.clear();
    this.#seen = null;
    this.#stop = null;
    this.#offered = '';
    this.#list.replaceChildren();
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

  // ---- for walk.js: while the keyboard is in the list, its order counts

  get leads() {
    return this.#focused !== null;
  }

  /** The next suggestion below the active span, from the top again after the last row; it gets the focus. */
  nextSuggestion() {
    const ids = [...this.#rows.keys()];
    const from = ids.indexOf(this.#focused) + 1;
    const next = [...ids.slice(from), ...ids.slice(0, from)].find((id) => this.#live(id)?.state === 'suggested');
    return this.#focusOn(next);
  }

  /** The span below one that is gone, else the one above; it gets the focus. */
  neighbour({ id }) {
    const ids = [...this.#rows.keys()];
    const at = ids.indexOf(id);
    return this.#focusOn([...ids.slice(at + 1), ...ids.slice(0, Math.max(0, at)).reverse()].find((other) => this.#live(other)));
  }

  #focusOn(id) {
    const row = this.#rows.get(id);
    row?.button.focus();
    return row ? this.#live(id) : null;
  }

  #live(id) {
    return this.editor.document.get(id);
  }

  get #open() {
    return this.editor.side.isOpen(ID) && Boolean(this.editor.document);
  }

  /** Id of the span whose row has the focus, else null. */
  get #focused() {
    const { activeElement } = this.#list.getRootNode();
    return activeElement?.closest?.('[data-span]')?.dataset.span ?? null;
  }

  /** From a row that is not active the first arrow key goes to the row itself. */
  #onFirstMove(event) {
    const id = this.#focused;
    if (!MOVES.includes(event.key) || id === null || id === this.editor.activeSpan?.id || !this.#live(id)) return;
    this.editor.activate(this.#live(id));
    event.preventDefault();
    event.stopPropagation();
  }

  #onKey(event) {
    if (ELSEWHERE.includes(event.key) || event.ctrlKey || event.metaKey) return;
    const id = this.#focused;
    const span = id !== null && this.#live(id);
    if (span && (id !== this.editor.activeSpan?.id || this.editor.selected)) {
      this.editor.dropSelection(); // a label would go to the selected words
      this.editor.activate(span);
    } else if (!span && !MOVES.includes(event.key)) {
      event.preventDefault(); // a row that is about to go
      event.stopPropagation();
    }
  }

  // ---- drawing

  #offer() {
    const labels = this.editor.data.labels.map(({ name }) => name);
    if (this.#offered === JSON.stringify(labels)) return;
    this.#offered = JSON.stringify(labels);
    if (!labels.includes(this.#label)) this.#label = ANY;
    const change = (set) => (value) => { set(value); this.#seen = null; this.#draw(); };
    this.#choices.replaceChildren(
      field('Show', select(Object.entries(KINDS).map(([key, [words]]) => [key, words]), this.#kind, change((kind) => { this.#kind = kind; }))),
      field('Label', select([[ANY, 'All'], ...labels], this.#label, change((label) => { this.#label = label; }))),
      field('Order', select(Object.entries(ORDERS), this.#order, change((order) => { this.#order = order; remember(KEPT, order); }))),
    );
  }

  /** Brings the list up to date; rows that stay keep their elements, and with them the focus. */
  #draw() {
    this.#offer();
    const focused = this.#focused;
    const place = [...this.#rows.keys()].indexOf(focused);
    const { sorted } = this.editor.document;
    const active = this.editor.activeSpan;
    const matching = sorted.filter((span) => this.#matches(span));
    const spans = active && !this.#matches(active) ? sorted.filter((span) => span === active || this.#matches(span)) : matching;
    if (this.#order === 'score') spans.sort((a, b) => (a.score ?? Infinity) - (b.score ?? Infinity));
    const more = spans.length > matching.length ? ', and the active one' : '';
    write(this.#count, matching.length < sorted.length ? `${matching.length} of ${count(sorted.length, 'span')}${more}`
      : sorted.length ? count(sorted.length, 'span') : 'No spans yet. Select words and press the number of a label.');
    this.#place(spans);
    this.#mark(active?.id ?? null);
    if (focused !== null) this.#keepFocus(place);
  }

  #matches(span) {
    return KINDS[this.#kind][1](span) && (this.#label === ANY || span.label === this.#label);
  }

  #place(spans) {
    const old = this.#rows;
    this.#rows = new Map(spans.map((span) => [span.id, this.#row(span, old.get(span.id))]));
    for (const [id, { item }] of old) if (!this.#rows.has(id)) item.remove();
    let next = this.#list.firstElementChild;
    for (const { item } of this.#rows.values()) {
      if (item === next) next = next.nextElementSibling;
      else this.#list.insertBefore(item, next);
    }
  }

  #row(span, old) {
    const color = safeColor(this.editor.data.labels.find(({ name }) => name === span.label)?.color);
    if (old?.span === span && old.color === color) return old;
    const swatch = element('span', { class: 'swatch', 'aria-hidden': 'true' });
    swatch.style.setProperty('--color', color);
    const score = span.state === 'suggested' && span.score !== null ? ` · ${span.score.toFixed(2)}` : '';
    const parts = [
      element('span', { class: 'subject' }, swatch, element('span', { class: 'mention' }, short(mentionOf(this.editor.document.text, span)))),
      element('span', { class: 'quiet' }, badgeOf(span) + score),
      ...(span.comment ? [element('span', { class: 'remark' }, short(span.comment))] : []),
    ];
    const entry = old?.button ?? button('', () => this.#go(span.id), { class: 'entry', tabindex: '-1' });
    entry.replaceChildren(...parts);
    return { span, color, button: entry, item: old?.item ?? element('li', { 'data-span': span.id }, entry) };
  }

  /** Marks the row of the active span and brings it into view; Tab leads to it. */
  #mark(id) {
    const row = this.#rows.get(id);
    for (const [other, { button: entry }] of this.#rows) if (other !== id) entry.removeAttribute('aria-current');
    row?.button.setAttribute('aria-current', 'true');
    if (this.#stop) {
      this.#stop.tabIndex = -1;
      delete this.#stop.dataset.first;
    }
    this.#stop = (row ?? this.#rows.values().next().value)?.button ?? null;
    if (this.#stop) {
      this.#stop.tabIndex = 0;
      this.#stop.dataset.first = ''; // for Side
    }
    if (row && id !== this.#seen) this.#scrollTo(row.item);
    this.#seen = id;
  }

  /** Scrolls the panel alone: the page stays where the person reads. */
  #scrollTo(item) {
    const body = this.#list.closest('.side-body');
    const frame = body.getBoundingClientRect();
    const place = item.getBoundingClientRect();
    if (place.top < frame.top) body.scrollTop += place.top - frame.top;
    else if (place.bottom > frame.bottom) body.scrollTop += place.bottom - frame.bottom;
  }

  /** Focus that was in the list stays in it: on the active span, else where the row was that is gone. */
  #keepFocus(place) {
    const row = this.#rows.get(this.editor.activeSpan?.id)
      ?? this.#rows.get(this.#focused) ?? [...this.#rows.values()].at(Math.min(place, this.#rows.size - 1));
    if (row) row.button.focus({ preventScroll: true });
    else this.editor.focus();
  }

  /** A click: the keyboard goes to the text. */
  #go(id) {
    const span = this.#live(id);
    if (!span) return;
    this.editor.dropSelection();
    this.editor.activate(span);
    this.editor.focus();
  }
}

/** On one line, cut at no surrogate pair. */
function short(words) {
  const line = words.replace(/\s+/gu, ' ').trim();
  return line.length > LONGEST ? `${line.slice(0, LONGEST).replace(/[\ud800-\udbff]$/u, '')}…` : line;
}

/** The order that was chosen last in this tab. */
function keptOrder() {
  const order = remembered(KEPT);
  return order in ORDERS ? order : 'text';
}
