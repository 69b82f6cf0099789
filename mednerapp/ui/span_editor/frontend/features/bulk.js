// Applying what was done to one span to all identical mentions, in this note or in all open notes of the project.

import { button, element } from '../elements.js';
import { uuid, whenIdle } from '../http.js';
import { KINDS, bulkForm } from './bulk_form.js';
import { latestDeed, usual } from './latest.js';
import { changeAt, placesOf } from './places.js';
import { Preview } from './preview.js';
import { count, offer, write } from './shared.js';

const ID = 'bulk';
const DONE = { create: 'Labelled', relabel: 'Relabelled', accept: 'Accepted', reject: 'Rejected', delete: 'Deleted' };
const LONGEST = 200; // characters of a mention that the server takes

export class Bulk {
  static keys = [{ names: ['b'], shift: false, edits: true, command: 'bulk.open', keys: 'B', help: 'apply to all identical mentions', group: 'bulk' }];
  static panel = { id: ID, title: 'Apply to all' };

  commands = { open: () => this.open() };
  #noticed = ''; // last step and active span that were looked at
  #change = null; // a BulkChange
  #scope = 'note';
  #asked = 0; // number of the last question to the server: an answer to an earlier one is late
  #step = uuid();
  #busy = false;
  #unanswered = ''; // the step that the server was asked for without an answer: it may have been done there
  #toldAt = ''; // last step and active span when it was said what was done
  #form = element('div', { class: 'bulk-form' });
  #result = element('p', { class: 'result', role: 'status' });
  #problem = element('p', { class: 'problem', role: 'alert' });
  #apply = button('Apply', () => this.#run(), { class: 'primary', autofocus: true });

  /** @param {import('../editor.js').SpanEditor} editor */
  constructor(editor) {
    this.editor = editor;
    this.preview = new Preview(editor, () => this.#count());
    const panel = element('div', { class: 'bulk' }, this.#form,
      element('div', { class: 'row' }, this.#apply, this.#result), this.#problem, this.preview.element);
    panel.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || !(event.target instanceof HTMLInputElement)) return;
      event.preventDefault();
      event.stopPropagation();
      this.#run();
    });
    this.more = button('', () => this.open(), { class: 'offer', hidden: true });
    this.told = element('span', { class: 'told', hidden: true });
    editor.status.detail.after(element('span', { role: 'status' }, this.more), this.told);
    editor.side.add({ ...Bulk.panel, element: panel, onShow: () => this.#draw(), onHide: () => { this.#asked += 1; this.#giveUp(); } });
    offer(editor, ID, this);
  }

  load() {
    this.#set(null);
    this.more.hidden = true;
    this.refresh();
  }

  /** Notices what the person did; offers it for the other places when there is time. */
  refresh() {
    const { editor } = this;
    if (!editor.editable) return;
    const now = `${this.#place} ${editor.history.canRedo}`;
    if (now !== this.#noticed) {
      this.#noticed = now;
      if (this.#place !== this.#toldAt) this.told.hidden = true;
      whenIdle(() => this.#offer(now));
    }
    if (this.#change && editor.side.isOpen(ID) && !this.#busy) this.preview.setOwn(placesOf(editor.document, this.#change));
  }

  get #place() {
    return `${this.editor.history.latest?.id} ${this.editor.activeSpan?.id}`;
  }

  #offer(now) {
    if (now !== this.#noticed || !this.editor.editable) return;
    const deed = latestDeed(this.editor);
    const number = deed ? placesOf(this.editor.document, { ...deed, wholeWords: true }).length : 0;
    this.more.hidden = !number;
    if (!number) return;
    write(this.more, `${number} more · B`);
    this.more.title = `${KINDS[deed.kind]} “${deed.mention}” there as well`;
    this.told.hidden = true;
  }

  /** Opens the panel for what the person did last, for the active span or for the selected text.
   *  @param {Partial<import('./places.js').BulkChange> & {scope?: string}} [asked] for this instead */
  open(asked) {
    const { editor } = this;
    const subject = asked ?? this.#subject();
    if (!subject) {
      editor.tell('Go to a span first, or select text.');
      return true;
    }
    this.#scope = asked?.scope ?? 'note';
    this.#set({ newLabel: '', wholeWords: true, ...subject });
    if (editor.side.isOpen(ID)) this.#draw();
    editor.side.open(ID);
    if (!this.#apply.disabled) this.#apply.focus(); // so that B and Enter are all it takes
    return true;
  }

  #subject() {
    const { document: document_, selected, activeSpan, data } = this.editor;
    if (selected) {
      return { kind: 'create', mention: document_.text.slice(selected.start, selected.end), label: activeSpan?.label ?? data.labels[0]?.name };
    }
    return latestDeed(this.editor) ?? (activeSpan && usual(document_, activeSpan));
  }

  /** Nobody asks again for a step without an answer: where it was done after all, it is taken back. */
  #giveUp() {
    if (!this.#unanswered || this.#busy) return;
    this.editor.fetchJson(`${this.editor.data.bulkUrl ?? '/api/bulk'}/${this.#unanswered}/undo`, {});
    this.#unanswered = '';
    this.#step = uuid();
  }

  #set(change) {
    this.#giveUp();
    this.#change = change;
    this.#step = uuid();
    this.preview.clear();
  }

  #alter(properties) {
    this.#set({ ...this.#change, ...properties });
    this.#draw();
  }

  #draw() {
    const change = this.#change;
    write(this.#problem, '');
    if (!change) {
      this.#form.replaceChildren(element('p', {}, 'Go to a span or select text and press B.'));
      this.#apply.disabled = true;
      return;
    }
    const controls = () => [...this.#form.querySelectorAll('select, input')];
    const focused = controls().indexOf(this.#form.getRootNode().activeElement);
    this.#form.replaceChildren(...bulkForm({
      change, scope: this.#scope, data: this.editor.data,
      alter: (properties) => this.#alter(properties),
      reach: (scope) => { this.#scope = scope; this.#alter({}); },
    }));
    controls()[focused]?.focus();
    this.preview.setOwn(placesOf(this.editor.document, change));
    if (this.#scope === 'project') this.#ask();
  }

  /** What the server is asked to do in the other notes. */
  get #request() {
    const { kind, mention, label, newLabel, wholeWords } = this.#change;
    const { docId } = this.editor.data;
    return {
      kind, mention, label, ...(newLabel ? { new_label: newLabel } : {}), whole_words: wholeWords,
      except_annotation: Number(docId) || docId,
    };
  }

  async #ask() {
    const number = (this.#asked += 1);
    this.preview.wait();
    const tooLong = [...this.#change.mention].length > LONGEST;
    const { status, body } = tooLong ? { status: 422, body: { message: `A mention has at most ${LONGEST} characters.` } }
      : await this.editor.fetchJson(`${this.editor.data.projectUrl}/bulk/preview`, this.#request);
    if (number !== this.#asked || !this.editor.side.isOpen(ID)) return;
    if (status === 200) this.preview.setOthers(body);
    else {
      this.preview.setOthers(null);
      write(this.#problem, `The other notes cannot be shown: ${body.message ?? 'the server did not answer.'}`);
    }
  }

  /** Brings the button and the words beside it up to date with what is ticked. */
  #count() {
    if (!this.#change) return;
    const { places, notes, waiting, known } = this.preview.chosen(this.#scope);
    write(this.#apply, `${KINDS[this.#change.kind]} ${places}`);
    write(this.#result, waiting ? 'Looking in the other notes …' : `in ${count(notes, 'note')}`);
    const busy = this.#busy || waiting || !known;
    this.#apply.disabled = busy || !places || !this.editor.editable;
  }

  async #run() {
    const { editor } = this;
    if (this.#apply.disabled) return;
    const change = this.#change;
    const own = this.preview.ownChosen;
    const { saving } = editor;
    let others = { notes: 0, places: 0, skipped: [] };
    if (this.#scope === 'project' && this.preview.expected) {
      this.#busy = true;
      this.#count();
      const { status, body } = await editor.fetchJson(`${editor.data.projectUrl}/bulk/apply`,
        { ...this.#request, step: this.#step, excluded: this.preview.excluded, expected: this.preview.expected });
      this.#busy = false;
      this.#unanswered = status === 0 ? this.#step : '';
      if (saving !== editor.saving) return; // another note has been opened meanwhile
      this.#count();
      if (status !== 200) {
        this.#refused(status, body);
        return;
      }
      others = body;
    }
    // What has changed here since it was shown is left alone.
    const still = own.filter(({ start, end, span }) => (span ? editor.document.get(span.id) === span
      : !editor.document.find(start, end, change.label)));
    editor.commit(still.map((place) => changeAt(place, change, editor.scopes)), { step: this.#step, bulk: others.notes > 0 });
    this.#set(null);
    editor.side.close();
    editor.activate(editor.activeSpan);
    editor.focus();
    this.#tell(change, still.length + others.places, (still.length ? 1 : 0) + others.notes, others.skipped ?? []);
  }

  #refused(status, body) {
    if (status === 409) {
      this.preview.clear();
      this.#step = uuid();
      this.#draw(); // there are other places now: show them
    }
    write(this.#problem, status === 0
      ? 'The server did not answer. Nothing was changed in this note. Apply once more: it does nothing twice.'
      : `Nothing was changed. ${body.message ?? ''}`);
  }

  #tell({ kind }, places, notes, skipped) {
    const words = `${DONE[kind]} ${count(places, 'place')} in ${count(notes, 'note')}. Undo: Ctrl+Z`;
    this.editor.say(words);
    write(this.told, words);
    this.#toldAt = this.#place;
    this.told.hidden = false;
    if (skipped.length) {
      this.editor.notice(`${words}. ${count(skipped.length, 'note was', 'notes were')} left out: ${skipped.map(({ why }) => why).join(' ')}`);
    }
  }
}
