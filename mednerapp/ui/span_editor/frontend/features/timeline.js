// What was done to this note, when and by whom; any earlier state can be looked at and brought back.

import { difference } from '../document.js';
import { button, element } from '../elements.js';
import { count, walkable, write } from './shared.js';

const ID = 'timeline';
const KINDS = { undo: 'undone', redo: 'redone', bulk: 'all mentions', suggestions: 'suggestions', import: 'import' };

export class Timeline {
  static keys = [{ names: ['t'], shift: false, command: 'timeline.open', keys: 'T', help: 'history of the note', group: 'panels' }];
  static panel = { id: ID, title: 'History' };

  commands = { open: () => this.editor.side.toggle(ID) };
  #asked = 0;
  #shown = -1; // revision of the list
  #looking = null; // the entry that is looked at, with its spans
  #status = element('p', { class: 'quiet', role: 'status' });
  #list = walkable(element('ol', { class: 'rows timeline' }));
  #words = element('span');
  #restore = button('Restore', () => this.#bringBack(), { class: 'primary' });
  #banner = element('div', { class: 'banner looking', role: 'status', hidden: true }, this.#words,
    element('span', { class: 'choices' }, this.#restore, button('Back', () => this.back())));

  /** @param {import('../editor.js').SpanEditor} editor */
  constructor(editor) {
    this.editor = editor;
    editor.banner.element.after(this.#banner);
    const panel = element('div', {}, this.#status, this.#list);
    panel.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && this.#looking) {
        this.back();
        event.preventDefault();
        event.stopPropagation();
      }
    });
    this.#banner.addEventListener('keydown', (event) => {
      if (event.key === 'Escape') this.back();
    });
    editor.side.add({ ...Timeline.panel, element: panel, onShow: () => this.#ask(), onHide: () => this.back({ focus: false }) });
  }

  load() {
    this.#looking = null;
    this.#banner.hidden = true;
    this.#shown = -1;
    this.#list.replaceChildren();
    this.refresh();
  }

  /** The list follows what is saved. */
  refresh() {
    const { saving, side } = this.editor;
    if (!side.isOpen(ID) || this.#looking) return;
    if (!saving.transport.pending.length && saving.transport.revision !== this.#shown) this.#ask();
  }

  async #ask() {
    const { editor } = this;
    if (!editor.document) return;
    const number = (this.#asked += 1);
    this.#shown = editor.saving.transport.revision;
    const { status, body } = await editor.fetchJson(`${editor.apiUrl}/timeline`);
    if (number !== this.#asked) return;
    if (status !== 200) {
      write(this.#status, `The history cannot be shown: ${body.message ?? 'the server did not answer.'}`);
      return;
    }
    write(this.#status, body.entries.length ? '' : 'Nothing was done to this note yet.');
    const waiting = editor.root.getRootNode().activeElement?.classList.contains('side-close'); // there was nothing else yet
    this.#list.replaceChildren(...body.entries.map((entry) => this.#row(entry)));
    if (waiting && editor.side.isOpen(ID)) editor.side.focus();
  }

  #row(entry) {
    const { at, who, what, kind } = entry;
    const show = button([
      element('span', { class: 'when' }, element('time', { datetime: at }, timeOf(at)), ' ', who),
      element('span', {}, what),
      ...(KINDS[kind] ? [element('span', { class: 'quiet' }, KINDS[kind])] : []),
    ], () => this.#look(entry, show), { class: `entry ${kind}`, 'aria-pressed': 'false' });
    return element('li', {}, show);
  }

  async #look(entry, pressed) {
    const { editor } = this;
    const number = (this.#asked += 1);
    const { status, body } = await editor.fetchJson(`${editor.apiUrl}/at/${entry.last}`);
    if (number !== this.#asked || !editor.side.isOpen(ID)) return;
    if (status !== 200) {
      write(this.#status, `That state cannot be shown: ${body.message ?? 'the server did not answer.'}`);
      return;
    }
    const spans = body.spans.map((span) => editor.wire.fromWire(span));
    this.#looking = { entry, spans };
    for (const other of this.#list.querySelectorAll('.entry')) other.setAttribute('aria-pressed', String(other === pressed));
    editor.preview(spans);
    write(this.#words, `You see the state of ${timeOf(entry.at)} with ${count(spans.length, 'span')}; nothing is changed.`);
    this.#restore.hidden = editor.data.readOnly;
    this.#banner.hidden = false;
  }

  /** Shows the person's own spans again. */
  back({ focus = true } = {}) {
    this.#asked += 1;
    if (!this.#looking) return;
    this.#looking = null;
    this.#banner.hidden = true;
    for (const entry of this.#list.querySelectorAll('.entry')) entry.setAttribute('aria-pressed', 'false');
    this.editor.preview(null);
    if (focus) this.editor.focus();
  }

  /** Makes the state that is looked at the present one, as one step. */
  #bringBack() {
    const { editor } = this;
    const { entry, spans } = this.#looking;
    this.back();
    const changes = difference(editor.document.sorted, spans);
    if (!editor.editable || !changes.length) {
      editor.tell('It is the same as now.');
      return;
    }
    editor.commit(changes);
    editor.activate(editor.activeSpan);
    editor.tell(`Restored the state of ${timeOf(entry.at)}. Undo: Ctrl+Z`);
  }
}

/** Time of day; with the date if it was not today. */
function timeOf(iso) {
  const at = new Date(iso);
  const today = at.toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(undefined, { ...(today ? {} : { dateStyle: 'medium' }), timeStyle: 'short' }).format(at);
}
