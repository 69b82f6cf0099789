//# allFunctionsCalledOnLoad
// Two versions of one note: a panel that lists every span that differs, with a choice for each, before anything is dropped.

import { mentionOf, sameContent } from './document.js';
import { button, element } from './elements.js';
import { describe } from './segments.js';

const AROUND = 40; // characters of context at either side

export class Conflict {
  #rows = [];
  #theirs = [];
  #key = '';

  /** @param {import('./editor.js').SpanEditor} editor
   *  @param {(spans: import('./document.js').Span[]) => void} resolve takes the version that the person has put together */
  constructor(editor, resolve) {
    this.editor = editor;
    this.list = element('ol', { class: 'conflict-list' });
    this.views = ['mine', 'theirs'].map((side) => button(`Show ${side} in the text`, () => this.#look(side), { 'aria-pressed': 'false' }));
    const all = (side, words) => button(words, () => this.#chooseAll(side));
    this.element = element('div', { class: 'conflict' },
      element('p', {}, 'Both versions are kept until you choose. Preselected is what only one side has changed.'),
      element('div', { class: 'row', role: 'group', 'aria-label': 'Look at a version' }, ...this.views),
      element('div', { class: 'row' }, all('mine', 'All mine'), all('theirs', 'All theirs'),
        button('Merge', () => resolve(this.#merged()), { class: 'primary' })),
      this.list);
  }

  /**
   * @param {import('./transport.js').Problem} problem
   * @param {import('./transport.js').Edit[]} pending mine that the server did not take
   */
  open({ spans = [], revision }, pending) {
    const { wire, live, side } = this.editor;
    const key = `${revision} ${pending.length}`;
    if (key === this.#key) return;
    this.#key = key;
    const chosen = new Map(this.#rows.map((row) => [row.id, row.side]));
    this.#theirs = spans.map((span) => wire.fromWire(span, { remember: false }));
    const theirs = new Map(this.#theirs.map((span) => [span.id, span]));
    const ids = [...new Set([...live.sorted, ...this.#theirs].map(({ id }) => id))];
    const touched = new Set(pending.map((edit) => edit.span_id));
    this.#rows = ids.map((id) => ({ id, mine: live.get(id), theirs: theirs.get(id) ?? null }))
      .filter(({ mine, theirs: other }) => !mine || !other || !sameContent(mine, other))
      .map((row) => ({ ...row, side: chosen.get(row.id) ?? (touched.has(row.id) ? 'mine' : 'theirs'), touched: touched.has(row.id) }));
    this.list.replaceChildren(...this.#rows.map((row, i) => this.#item(row, i)));
    if (side.has('conflict')) return;
    side.add({ id: 'conflict', title: 'Two versions', element: this.element, onHide: () => this.#look(null) });
    side.open('conflict', { focus: false });
  }

  close() {
    this.#look(null);
    this.#key = '';
    this.#rows = [];
    this.editor.side.remove('conflict');
  }

  focus() {
    this.editor.side.open('conflict');
  }

  #item(row, i) {
    const { text } = this.editor.document;
    const place = row.mine ?? row.theirs;
    const context = [
      text.slice(Math.max(0, place.start - AROUND), place.start), element('strong', {}, mentionOf(text, place)),
      text.slice(place.end, place.end + AROUND),
    ];
    const words = (span, other) => {
      if (!span) return row.touched ? 'deleted' : 'not there';
      return describe(span) + (other && (other.start !== span.start || other.end !== span.end) ? `: ${mentionOf(text, span)}` : '');
    };
    const choice = (side, span, other) => {
      const radio = element('input', { type: 'radio', name: `conflict-${i}`, onchange: () => { row.side = side; } });
      radio.checked = row.side === side;
      row[`${side}Radio`] = radio;
      return element('label', {}, radio, element('span', {}, `${side === 'mine' ? 'Mine' : 'Theirs'}: ${words(span, other)}`));
    };
    const show = button(context, () => this.editor.reveal(place.start, place.end), { class: 'context' });
    return element('li', {}, show, element('fieldset', {}, element('legend', { class: 'voice' }, mentionOf(text, place)),
      choice('mine', row.mine, row.theirs), choice('theirs', row.theirs, row.mine)));
  }

  #chooseAll(side) {
    for (const row of this.#rows) {
      row.side = side;
      row[`${side}Radio`].checked = true;
    }
  }

  /** Shows one version in the text, only to look at; null: back to the person's own. */
  #look(side) {
    const [mine, theirs] = this.views;
    const already = side && this.views[side === 'mine' ? 0 : 1].getAttribute('aria-pressed') === 'true';
    const shown = already ? null : side;
    mine.setAttribute('aria-pressed', String(shown === 'mine'));
    theirs.setAttribute('aria-pressed', String(shown === 'theirs'));
    if (shown === 'theirs') this.editor.preview(this.#theirs);
    else this.editor.preview(null);
  }

  #merged() {
    const differing = new Map(this.#rows.map((row) => [row.id, row[row.side]]));
    const same = this.editor.live.sorted.filter(({ id }) => !differing.has(id));
    return [...same, ...[...differing.values()].filter(Boolean)];
  }
}
