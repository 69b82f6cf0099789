// Another model's or another person's spans under one's own, and the differences one by one.

import { assertionWords } from '../assertions.js';
import { NEW_SPAN, mentionOf } from '../document.js';
import { button, element } from '../elements.js';
import { uuid, whenIdle } from '../http.js';
import { differences, remarkOf, standing, taking } from './differences.js';
import { count, field, select, walkable, write } from './shared.js';

const ID = 'compare';
const KINDS = {
  label: 'other label', boundaries: 'other boundaries', assertion: 'other assertion', mine: 'only mine', theirs: 'only theirs',
  remark: 'only a remark',
};

export class Compare {
  static keys = [
    { names: ['v'], shift: false, command: 'compare.open', keys: 'V', help: 'lay another model’s or person’s spans under the text', group: 'panels' },
    { names: ['d'], shift: false, command: 'compare.step', argument: 1, keys: 'D, Shift+D', help: 'next, previous difference to them', group: 'panels' },
    { names: ['d'], shift: true, command: 'compare.step', argument: -1 },
  ];
  static panel = { id: ID, title: 'Compare' };
  static opensWith = ({ compare }) => Boolean(compare);

  commands = {
    open: () => this.editor.side.toggle(ID),
    step: (by) => this.#step(by),
  };
  #asked = 0;
  #source = ''; // id of what lies under the text
  #wanted = ''; // id of what is to lie there once it is known what there is
  #name = '';
  #theirs = [];
  #found = [];
  #at = null; // the difference at which the person is; it may be gone by now
  #asks = ''; // id of the note whose address has been read
  #stale = false; // spans may have changed since the differences were found
  #drawn = ''; // what the list was drawn for
  #sources = element('div');
  #status = element('p', { class: 'quiet', role: 'status' });
  #counts = element('p', { class: 'result' });
  #list = walkable(element('ul', { class: 'rows differences', 'aria-label': 'Differences' }));
  #legend = element('span', { class: 'underlay-legend', hidden: true });

  /** @param {import('../editor.js').SpanEditor} editor */
  constructor(editor) {
    this.editor = editor;
    editor.status.detail.after(this.#legend);
    editor.side.add({ ...Compare.panel, element: element('div', {}, this.#sources, this.#status, this.#counts, this.#list), onShow: () => { this.#compare(); this.#ask(); } });
  }

  load() {
    this.#take('', '', []);
    this.#sources.replaceChildren();
    const { compare = '', docId } = this.editor.data;
    this.#wanted = docId === this.#asks ? '' : compare; // once: the person may have chosen otherwise since
    this.#asks = docId;
    if (this.#wanted) this.editor.side.open(ID, { focus: false });
    if (this.editor.side.isOpen(ID)) this.#ask();
  }

  refresh() {
    if (!this.#source || this.#stale) return;
    this.#stale = true; // looked at again when it is needed
    if (this.editor.side.isOpen(ID)) whenIdle(() => this.#compare());
  }

  async #ask() {
    const { editor } = this;
    if (!editor.document) return;
    const number = (this.#asked += 1);
    const { status, body } = await editor.fetchJson(`${editor.apiUrl}/sources`);
    if (number !== this.#asked) return;
    if (status !== 200) {
      write(this.#status, `It is not known what there is to compare with: ${body.message ?? 'the server did not answer.'}`);
      return;
    }
    const names = [['', 'nothing'], ...body.sources.map(({ id, name, spans }) => [id, `${name} (${count(spans, 'span')})`])];
    this.#sources.replaceChildren(field('Under the text', select(names, this.#source, (source) => { this.#choose(source); editor.focus(); })));
    write(this.#status, body.sources.length ? '' : editor.data.blind
      ? 'Nothing is shown beside a note that is annotated without suggestions, until it is submitted.'
      : 'No model has predicted this note, and nobody else whose work you may see has annotated it.');
    const wanted = body.sources.some(({ id }) => id === this.#wanted) ? this.#wanted : '';
    this.#wanted = '';
    if (wanted) {
      this.#sources.querySelector('select').value = wanted;
      await this.#choose(wanted);
      const { focus } = editor.data;
      const place = focus?.end && editor.wire.rangeFromWire(focus);
      const one = place && this.#found.find(({ theirs }) => theirs?.start === place.start && theirs.end === place.end);
      if (one) this.#show(one, { focus: false });
    } else if (editor.side.isOpen(ID) && body.sources.length) editor.side.focus();
  }

  async #choose(source) {
    const { editor } = this;
    const number = (this.#asked += 1);
    if (!source) {
      this.#take('', '', []);
      return;
    }
    const { status, body } = await editor.fetchJson(`${editor.apiUrl}/underlay?source=${encodeURIComponent(source)}`);
    if (number !== this.#asked) return;
    if (status === 200) this.#take(source, body.name, body.spans.map((span) => editor.wire.fromWire(span, { remember: false })));
    else write(this.#status, `These spans cannot be shown: ${body.message ?? 'the server did not answer.'}`);
  }

  #take(source, name, spans) {
    this.#source = source;
    this.#name = name;
    this.#theirs = spans;
    this.#at = null;
    this.#drawn = '';
    this.editor.painter.decorate('underlay', standing(spans)
      .flatMap(({ start, end, fragments }) => (fragments.length ? fragments.map(([from, to]) => ({ start: from, end: to })) : [{ start, end }])));
    this.#legend.hidden = !source;
    this.#legend.replaceChildren(element('span', { class: 'underlay-sample', 'aria-hidden': 'true' }, 'abc'), ` = ${name}`);
    if (source) this.#compare();
    else {
      this.#found = [];
      this.#list.replaceChildren();
      write(this.#counts, '');
    }
  }

  #compare() {
    const { document: document_, side, editable } = this.editor;
    this.#stale = false;
    if (!this.#source) return;
    this.#found = differences(document_.sorted, this.#theirs, { assertions: this.#source.startsWith('person:') });
    if (!side.isOpen(ID)) return;
    const drawn = JSON.stringify([this.#found.map(({ kind, mine, theirs }) => [kind, mine?.id, mine?.label, mine?.start, mine?.end, mine && assertionWords(mine), theirs?.id]), editable]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const number = (kind) => this.#found.filter((one) => one.kind === kind).length;
    write(this.#counts, this.#found.length
      ? Object.entries(KINDS).filter(([kind]) => number(kind)).map(([kind, words]) => `${number(kind)} ${words}`).join(' · ')
      : `No difference to ${this.#name}.`);
    this.#list.replaceChildren(...this.#found.map((one) => this.#row(one, editable)));
    this.#mark();
  }

  /** Number of a difference among those of now, which were perhaps found anew since; -1: it is gone. */
  #indexOf(one) {
    return one ? this.#found.findIndex((other) => sameDifference(other, one)) : -1;
  }

  #row(one, editable) {
    const now = (act) => () => {
      if (this.#stale) this.#compare();
      const found = this.#found[this.#indexOf(one)];
      if (found) act(found);
    };
    const { kind, mine, theirs } = one;
    const { text } = this.editor.document;
    const what = (span) => [element('b', { class: 'mention' }, mentionOf(text, span).replace(/\s+/gu, ' ')), ` ${span.label}`];
    const words = kind === 'label' ? [...what(mine), ` → ${theirs.label}`]
      : kind === 'boundaries' ? [...what(mine), ' → ', ...what(theirs)]
        : kind === 'assertion' ? [...what(mine), ` ${said(mine)} → ${said(theirs)}`] : what(mine ?? theirs);
    const remark = theirs ? remarkOf(theirs) : '';
    const show = button([element('span', { class: 'kind' }, KINDS[kind]), element('span', {}, ...words),
      ...(remark ? [element('span', { class: 'remark' }, `Theirs: ${remark}`)] : [])], now((found) => this.#show(found)), { class: 'entry' });
    if (kind === 'remark') return element('li', { class: 'difference' }, show);
    const take = button(kind === 'mine' ? 'Delete mine' : 'Take theirs', now((found) => this.#takeTheirs(found)), { disabled: !editable });
    return element('li', { class: 'difference' }, show, take);
  }

  /** Goes to the next (1) or previous (-1) difference in the text. */
  #step(by) {
    const { editor } = this;
    if (!this.#source) {
      editor.side.open(ID);
      editor.tell('Choose first what to compare with.');
      return true;
    }
    if (this.#stale) this.#compare();
    const next = this.#found.length && this.#next(by);
    if (next) this.#show(next, { focus: false });
    else editor.tell(`No difference to ${this.#name}.`);
    return true;
  }

  /** The difference after (1) or before (-1) the one at which the person is or was, from the other end again after the last one. */
  #next(by) {
    const { length } = this.#found;
    const at = this.#indexOf(this.#at);
    if (at >= 0) return this.#found[(at + by + length) % length];
    const from = this.#at ? startOf(this.#at) : -1;
    const after = this.#found.findIndex((one) => startOf(one) > from); // -1: none
    return this.#found.at(by > 0 ? Math.max(after, 0) : (after < 0 ? length : after) - 1);
  }

  #show(one, { focus = true } = {}) {
    const { editor } = this;
    const { kind, mine, theirs } = one;
    const place = mine ?? theirs;
    this.#at = one;
    this.#mark();
    editor.activate(mine);
    editor.reveal(place.start, place.end);
    if (focus) editor.focus();
    const words = (span) => (kind === 'assertion' ? said(span) : span.label);
    editor.say([`${this.#found.indexOf(one) + 1} of ${this.#found.length}. ${KINDS[kind]}: ${mentionOf(editor.document.text, place)}`,
      mine && `mine: ${words(mine)}`, theirs && kind !== 'boundaries' && `theirs: ${words(theirs)}`, theirs && remarkOf(theirs)]
      .filter(Boolean).join(', '));
  }

  /** The list shows where the person is among the differences. */
  #mark() {
    this.#list.querySelector('[aria-current]')?.removeAttribute('aria-current');
    this.#list.children[this.#indexOf(this.#at)]?.querySelector('.entry').setAttribute('aria-current', 'true');
  }

  /** What they say of a span, else what the rules say. */
  #assertionFor(theirs) {
    const { assertion, assertionBy } = theirs;
    return assertionBy === 'person' ? { assertion, assertionBy } : this.editor.scopes.attributesAt(theirs);
  }

  #takeTheirs(one) {
    const { editor } = this;
    const { mine, theirs } = one;
    if (!editor.editable || (mine && editor.document.get(mine.id) !== mine)) return;
    const rejected = theirs && editor.document.find(theirs.start, theirs.end, theirs.label);
    const change = !mine && rejected ? { before: rejected, after: { ...rejected, state: 'confirmed' } }
      : taking(one, { ...NEW_SPAN, id: uuid(), ...(theirs ? this.#assertionFor(theirs) : {}) });
    editor.commit([change]);
    const row = this.#found.indexOf(one);
    editor.activate(change.after && editor.document.get(change.after.id));
    this.#compare();
    this.#list.querySelectorAll('.difference .entry')[Math.min(row, this.#found.length - 1)]?.focus();
    editor.say(`${change.after ? 'Took theirs' : 'Deleted mine'}. ${count(this.#found.length, 'difference')} left.`);
  }
}

/** "absent", "absent?", and "present" where nobody has said anything. */
const said = (span) => assertionWords(span) || 'present';
/** Whether two differences are about the same spans, whatever has become of these. */
const sameDifference = (a, b) => a.mine?.id === b.mine?.id && a.theirs?.id === b.theirs?.id && (a.kind === 'remark') === (b.kind === 'remark');
const startOf = ({ mine, theirs }) => (mine ?? theirs).start;
