// Finding words in this note as they are typed, labelling what is found, and finding them in all notes of the project.

import { button, element } from '../elements.js';
import { AllNotes } from './find_all.js';
import { wholeWords } from '../offsets.js';
import { cutsWord, findMentions } from './mentions.js';
import { labelRow } from './label_row.js';
import { choices, featureOf, write } from './shared.js';

const ID = 'find';
const LONGEST = 200; // characters, as the server takes

export class Find {
  static keys = [{ names: ['/'], command: 'find.open', keys: '/', help: 'find in this note or in all notes', group: 'panels' }];
  static panel = { id: ID, title: 'Find' };

  commands = { open: () => this.#open() };
  #hits = [];
  #at = -1;
  #input = element('input', {
    type: 'search', 'aria-label': 'Find', placeholder: 'Find', maxlength: String(LONGEST), autocomplete: 'off', spellcheck: 'false', autofocus: true,
    oninput: () => this.#search(),
  });
  #where = element('div');
  #count = element('span', { class: 'figure', role: 'status' });
  #labels = element('div');
  #all = element('div');
  #here = element('div', { class: 'here' });

  /** @param {import('../editor.js').SpanEditor} editor */
  constructor(editor) {
    this.editor = editor;
    this.everywhere = new AllNotes(editor, () => this.#input.value.trim());
    const step = (by, words, keys) => button(words, () => this.#go(by), { 'aria-keyshortcuts': keys, title: keys });
    this.#here.append(
      element('div', { class: 'row' }, step(-1, '↑ Previous', 'Shift+Enter'), step(1, '↓ Next', 'Enter'), this.#count),
      this.#labels, this.#all);
    const panel = element('div', { class: 'find' }, this.#input, this.#where, this.#here, this.everywhere.element);
    panel.addEventListener('keydown', (event) => this.#onKey(event));
    editor.side.add({ ...Find.panel, element: panel, onShow: () => this.#search(), onHide: () => this.#mark([]) });
  }

  load(data) {
    this.everywhere.clear();
    this.#scope('note');
    this.#where.replaceChildren(...(data.projectUrl ? [choices('Where', 'find-where',
      [['note', 'in this note'], ['project', 'in all notes']], 'note', (scope) => { this.#scope(scope); this.#search(); })] : []));
    if (this.editor.side.isOpen(ID)) this.#search();
  }

  #scope(scope) {
    this.#here.hidden = scope !== 'note';
    this.everywhere.element.hidden = scope === 'note';
  }

  #open() {
    const { side, selected, document: document_ } = this.editor;
    const words = selected && document_.text.slice(selected.start, selected.end);
    if (words && words.length <= LONGEST && !words.includes('\n')) this.#input.value = words;
    if (side.isOpen(ID)) this.#search();
    side.open(ID);
    this.#input.select();
    return true;
  }

  /** Finds what is typed, from the top of what is on the screen. */
  #search() {
    const { document: document_, side, activeSpan } = this.editor;
    if (!document_ || !side.isOpen(ID)) return;
    if (this.#here.hidden) {
      this.everywhere.search();
      return;
    }
    this.#hits = findMentions(document_.text, this.#input.value, { wholeWords: false });
    const from = activeSpan?.start ?? 0;
    this.#at = this.#hits.length ? Math.max(0, this.#hits.findIndex(({ start }) => start >= from)) : -1;
    this.#mark(this.#hits);
    this.#show();
  }

  #mark(hits) {
    this.editor.painter.decorate('find', hits);
    if (!hits.length) this.editor.painter.decorate('hit', []);
  }

  /** @param {1 | -1} by */
  #go(by) {
    const { length } = this.#hits;
    if (!length) return;
    this.#at = (this.#at + by + length) % length;
    this.#show();
  }

  #show() {
    const hit = this.#hits[this.#at];
    const { length } = this.#hits;
    const words = this.#input.value.trim();
    write(this.#count, hit ? `${this.#at + 1} of ${length}` : words ? 'Not found' : '');
    this.editor.painter.decorate('hit', hit ? [hit] : []);
    if (hit) this.editor.walk.reveal(hit, { block: 'center' });
    const can = Boolean(hit) && this.editor.editable;
    this.#labels.replaceChildren(...(can ? [labelRow(this.editor, 'Label this place', (name) => this.#label(name), 'Alt+')] : []));
    const number = this.#hits.filter((one) => !cutsWord(this.editor.document.text, one)).length;
    const all = length === 1 ? 'Label it wherever it stands …' : number < length ? `Label the ${number} that are whole words …` : `Label all ${length} …`;
    this.#all.replaceChildren(...(can && number ? [button(all, () => this.#labelAll())] : []));
  }

  /** Labels the current hit and goes to the next one. */
  #label(name) {
    const hit = this.#hits[this.#at];
    if (!hit || !this.editor.editable) return;
    this.editor.selectText(this.#words(hit), { bar: false });
    this.editor.label(name);
    this.#input.focus();
    this.#go(1);
  }

  #labelAll() {
    const [first] = this.editor.data.labels;
    const { mention, label } = { mention: this.#input.value.trim(), label: this.editor.activeSpan?.label ?? first?.name };
    featureOf(this.editor, 'bulk')?.open({ kind: 'create', mention, label });
  }

  /** What is labelled for a hit: the words that it is in, as when the mouse selects it. */
  #words({ start, end }) {
    return wholeWords(this.editor.document.text, start, end) ?? { start, end };
  }

  #onKey(event) {
    const digit = event.altKey && /^(?:Digit|Numpad)([1-9])$/.exec(event.code)?.[1];
    const label = digit && this.editor.data.labels.find(({ key }) => key === digit);
    if (label && !this.#here.hidden) this.#label(label.name);
    else if (event.key === 'Enter' && event.target === this.#input) {
      if (this.#here.hidden) this.everywhere.search({ now: true });
      else this.#go(event.shiftKey ? -1 : 1);
    } else if (event.key === 'Escape' && this.#hits[this.#at] && !this.#here.hidden) {
      // Back in the text with the hit selected: the number keys label it there.
      const hit = this.#hits[this.#at];
      this.editor.side.close();
      this.editor.focus();
      this.editor.selectText(this.#words(hit));
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
