// Finding words in all notes of the project: a list of notes with the places in context, each a link to it.

import { button, element } from '../elements.js';
import { linkTo } from './link.js';
import { contextLine, count, featureOf, walkable, write } from './shared.js';

const PAUSE = 300; // ms after the last key

export class AllNotes {
  #asked = 0;
  #timer = 0;
  #shown = ''; // the query whose answer is drawn
  #next = null;
  #number = { notes: 0, places: 0 };
  #status = element('p', { class: 'result', role: 'status' });
  #list = walkable(element('ul', { class: 'rows', 'aria-label': 'Places in all notes' }));
  #more = button('More notes', () => this.#ask(this.#next), { hidden: true });
  #label = button('Label all in the project …', () => this.#labelAll(), { hidden: true });

  /** @param {import('../editor.js').SpanEditor} editor
   *  @param {() => string} query what is looked for */
  constructor(editor, query) {
    this.editor = editor;
    this.query = query;
    this.element = element('div', { hidden: true }, element('div', { class: 'row' }, this.#status, this.#label), this.#list, this.#more);
  }

  clear() {
    this.#asked += 1;
    clearTimeout(this.#timer);
    this.#shown = '';
    this.#next = null;
    this.#number = { notes: 0, places: 0 };
    this.#list.replaceChildren();
    this.#more.hidden = true;
    this.#label.hidden = true;
    write(this.#status, '');
  }

  /** Asks the server once the person pauses in typing. */
  search({ now = false } = {}) {
    clearTimeout(this.#timer);
    if (this.query() === this.#shown) return;
    this.#timer = setTimeout(() => {
      this.clear();
      if (this.query()) this.#ask(null);
    }, now ? 0 : PAUSE);
  }

  async #ask(after) {
    const number = (this.#asked += 1);
    const query = this.query();
    this.#shown = query;
    if (after === null) write(this.#status, 'Looking …');
    const { status, body } = await this.editor.fetchJson(`${this.editor.data.projectUrl}/find`, { q: query, after });
    if (number !== this.#asked) return;
    if (status !== 200) {
      this.#shown = '';
      write(this.#status, `The notes cannot be searched: ${body.message ?? 'the server did not answer.'}`);
      return;
    }
    this.#next = body.next;
    this.#more.hidden = body.next === null;
    this.#number.notes += body.notes.length;
    this.#number.places += body.notes.reduce((sum, { places }) => sum + places.length, 0);
    const { notes, places } = this.#number;
    write(this.#status, notes ? `${count(places, 'place')} in ${count(notes, 'note')}${body.next === null ? '' : ' so far'}` : 'Not found');
    this.#label.hidden = !notes || !this.editor.editable;
    this.#list.append(...body.notes.flatMap((note) => this.#note(note)));
  }

  #note({ note_id: id, title, status, places }) {
    const heading = element('li', { class: 'note-title' }, element('a', { href: linkTo(id) }, title || `Note ${id}`), ' ',
      element('span', { class: 'quiet' }, String(status).replaceAll('_', ' ')));
    return [heading, ...places.map((place) =>
      element('li', {}, element('a', { href: linkTo(id, place), class: 'place' }, contextLine(place))))];
  }

  #labelAll() {
    const { editor } = this;
    const label = editor.activeSpan?.label ?? editor.data.labels[0]?.name;
    featureOf(editor, 'bulk')?.open({ kind: 'create', mention: this.query(), label, scope: 'project' });
  }
}
