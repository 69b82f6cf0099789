// The section headers of the note as a list; the one that is read just now is marked while the text scrolls.

import { button, element } from '../elements.js';
import { whenIdle } from '../http.js';
import { lowerBound } from '../offsets.js';
import { outlineOf, walkable, write } from './shared.js';

const ID = 'outline';

export class Outline {
  static keys = [{ names: ['l'], shift: false, command: 'outline.open', keys: 'L', help: 'outline of the note', group: 'panels' }];
  static panel = { id: ID, title: 'Outline' };

  commands = { open: () => this.editor.side.toggle(ID) };
  #sections = []; // {title, start, button, number}
  #current = -1;
  #frame = 0;
  #counting = false;
  #list = walkable(element('ol', { class: 'rows outline' }));

  /** @param {import('../editor.js').SpanEditor} editor */
  constructor(editor) {
    this.editor = editor;
    editor.side.add({ ...Outline.panel, element: element('nav', { 'aria-label': 'Sections of the note' }, this.#list), onShow: () => this.#draw() });
    editor.pane.addEventListener('scroll', () => this.#onScroll(), { passive: true });
  }

  load() {
    this.#sections = outlineOf(this.editor).map((section) => {
      const number = element('span', { class: 'quiet' });
      const jump = button([element('span', { class: 'section-title' }, section.title), number], () => this.#jump(section.start));
      return { ...section, number, button: jump };
    });
    this.#current = -1;
    this.#list.replaceChildren(...this.#sections.map((section) => element('li', {}, section.button)));
    if (!this.#sections.length) this.#list.replaceChildren(element('li', { class: 'quiet' }, 'No section headers were recognised in this note.'));
    this.refresh();
    if (this.#open) this.#mark();
  }

  refresh() {
    if (!this.#open || this.#counting) return;
    this.#counting = true;
    whenIdle(() => {
      this.#counting = false;
      if (this.#open) this.#countSpans();
    });
  }

  get #open() {
    return this.editor.side.isOpen(ID) && Boolean(this.editor.document);
  }

  #draw() {
    this.refresh();
    if (this.#open) this.#mark();
  }

  #jump(start) {
    this.editor.reveal(start, start + 1);
    this.editor.focus();
  }

  #countSpans() {
    const all = this.#sections.map(() => ({ spans: 0, untouched: 0 }));
    for (const { start, state } of this.editor.document.sorted) {
      const section = all[this.#sectionOf(start)];
      if (!section) continue;
      section.spans += 1;
      if (state === 'suggested') section.untouched += 1;
    }
    this.#sections.forEach(({ number }, i) => {
      const { spans, untouched } = all[i];
      write(number, untouched ? `${spans} · ${untouched} to do` : String(spans));
    });
  }

  /** Index of the section that an offset lies in, -1 before the first. */
  #sectionOf(offset) {
    return lowerBound(this.#sections.length, (i) => this.#sections[i].start <= offset) - 1;
  }

  #onScroll() {
    if (!this.#open || this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.#open) this.#mark();
    });
  }

  /** Marks the last section that starts above the upper third of the pane; looks at the places of a few sections only. */
  #mark() {
    const { pane, painter } = this.editor;
    const frame = pane.getBoundingClientRect();
    const line = frame.top + Math.min(120, frame.height / 3);
    const top = ({ start }) => {
      const block = this.editor.document.blockAt(start);
      const place = block.element.getBoundingClientRect();
      if (place.top > line || place.bottom < line) return place.top > line ? place.top : -Infinity;
      return painter.rangeOf(start, start + 1).getBoundingClientRect().top;
    };
    const current = lowerBound(this.#sections.length, (i) => top(this.#sections[i]) <= line) - 1;
    if (current === this.#current) return;
    this.#sections[this.#current]?.button.removeAttribute('aria-current');
    this.#sections[current]?.button.setAttribute('aria-current', 'true');
    this.#current = current;
  }
}
