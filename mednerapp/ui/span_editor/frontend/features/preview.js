// The places that a bulk change will touch, in context, each with a box to leave it out.

import { element } from '../elements.js';
import { context, contextLine, count, outlineOf, sectionAt, walkable } from './shared.js';

const keyOf = ({ note_id: note = '', start, end, span, span_id: id }) => [note, start, end, span?.id ?? id ?? ''].join(' ');

export class Preview {
  element = element('div', { class: 'places' });
  #own = []; // places in this note, UTF-16 offsets
  #others = null; // the server's answer; null: not asked, or it has none
  #waiting = false;
  #left = new Set(); // keys of the places that are left out

  /** @param {import('../editor.js').SpanEditor} editor
   *  @param {() => void} changed other places are ticked */
  constructor(editor, changed) {
    this.editor = editor;
    this.changed = changed;
  }

  clear() {
    this.#own = [];
    this.#others = null;
    this.#waiting = false;
    this.#left.clear();
    this.element.replaceChildren();
  }

  /** @param {import('./places.js').Place[]} places in this note */
  setOwn(places) {
    const same = places.length === this.#own.length && places.every((place, i) => keyOf(place) === keyOf(this.#own[i]));
    this.#own = places;
    if (same && this.element.firstChild) this.changed(); // keep the boxes, and the focus in them
    else this.#draw();
  }

  wait() {
    this.#waiting = true;
    this.#draw();
  }

  /** @param {{notes: number, places: object[], truncated: boolean} | null} found in the other notes, offsets in code points */
  setOthers(found) {
    this.#waiting = false;
    this.#others = found;
    this.#draw();
  }

  /** @returns {import('./places.js').Place[]} in this note, without those that are left out */
  get ownChosen() {
    return this.#own.filter((place) => !this.#left.has(keyOf(place)));
  }

  /** How many places the server has shown. */
  get expected() {
    return this.#others?.places.length ?? 0;
  }

  /** The places in other notes that are left out, as the server wants them. */
  get excluded() {
    const left = (this.#others?.places ?? []).filter((place) => this.#left.has(keyOf(place)));
    return left.map(({ note_id, start, end }) => ({ note_id, start, end }));
  }

  /** What is ticked. known: false while it is not known what is in the other notes */
  chosen(scope) {
    const own = this.ownChosen.length;
    if (scope !== 'project') return { places: own, notes: own ? 1 : 0, waiting: false, known: true };
    const others = (this.#others?.places ?? []).filter((place) => !this.#left.has(keyOf(place)));
    const notes = new Set(others.map(({ note_id: note }) => note)).size + (own ? 1 : 0);
    return { places: own + others.length, notes, waiting: this.#waiting, known: Boolean(this.#others) };
  }

  #draw() {
    const { document: document_ } = this.editor;
    const outline = outlineOf(this.editor);
    const rows = this.#own.map((place) => this.#row(place, context(document_.text, place.start, place.end), sectionAt(outline, place.start), () => {
      this.editor.reveal(place.start, place.end);
    }));
    const groups = [this.#group('This note', rows)];
    const notes = new Map();
    for (const place of this.#others?.places ?? []) {
      const known = notes.get(place.note_id);
      if (known) known.push(place);
      else notes.set(place.note_id, [place]);
    }
    for (const places of notes.values()) groups.push(this.#group(places[0].title, places.map((place) => this.#row(place, place, ''))));
    const more = this.#others?.truncated
      ? [element('p', { class: 'quiet' }, 'There are more than are done at once. Apply these, then press B again.')] : [];
    this.element.replaceChildren(...more, ...groups);
    this.changed();
  }

  #group(title, rows) {
    return element('section', { class: 'place-group' },
      element('h3', {}, `${title} · ${count(rows.length, 'place')}`),
      walkable(element('ul', { class: 'rows', 'aria-label': title }, ...rows)));
  }

  #row(place, words, section, show) {
    const key = keyOf(place);
    const box = element('input', {
      type: 'checkbox', checked: !this.#left.has(key), onfocus: show, onchange: () => {
        if (box.checked) this.#left.delete(key);
        else this.#left.add(key);
        this.changed();
      },
    });
    return element('li', {}, element('label', {}, box, contextLine(words), ...(section ? [element('span', { class: 'quiet' }, section)] : [])));
  }
}
