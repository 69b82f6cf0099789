// The span editor: owns the live spans, the selection and the undo history of one note while it is open.
// The database owns the truth: every edit goes to the server at once through saving.js and transport.js.

import { History, SpanDocument } from './document.js';
import { element } from './elements.js';
import { keyOf } from './keys.js';
import { Painter, describe } from './painter.js';
import { Banner, FloatingBar, Help, StatusLine, Toolbar } from './panels.js';
import { Pointer } from './pointer.js';
import { Saving } from './saving.js';
import { clearSelection, select } from './selection.js';
import { uuid } from './transport.js';
import { Wire } from './wire.js';

/**
 * What Python sends. Offsets are code points.
 * @typedef {object} EditorData
 * @property {string} docId
 * @property {number} epoch the editor reloads when docId or epoch changes, and at no other time; with the epoch as soon
 *   as every edit is saved and `spans` are no older than the last of them
 * @property {number} visit echoed in `submitted` and `skipped`
 * @property {string} text
 * @property {{name: string, key: string, color: string, description: string}[]} labels
 * @property {import('./document.js').Span[]} spans
 * @property {number} revision
 * @property {string} saveUrl
 * @property {string} submitUrl
 * @property {boolean} readOnly
 * @property {number | null} height of the text pane in pixels; null: what the window leaves
 */

const TEXT_LABEL = 'Note text. Tab and arrow keys move between spans, number keys set the label, question mark lists all keys.';

export class SpanEditor {
  /** @type {EditorData | null} */
  #data = null;
  #shown = null; // docId and epoch of the document
  #asked = ''; // what Python was last asked to send
  #history = new History();
  #active = null; // id of the active span
  #selected = null; // selected text, UTF-16 offsets
  #setStateValue = null;

  /** @param {Node} parent the component's place in the page */
  constructor(parent) {
    this.toolbar = new Toolbar(this);
    this.banner = new Banner();
    this.floating = new FloatingBar(this);
    this.status = new StatusLine();
    this.help = new Help(() => this.toggleHelp());
    this.voice = element('div', { class: 'voice', 'aria-live': 'polite' });
    this.text = element('div', {
      class: 'text', tabindex: '0', role: 'application', 'aria-roledescription': 'note with labelled spans',
      'aria-label': TEXT_LABEL,
    });
    this.pane = element('div', { class: 'pane' }, this.text, this.floating.element);
    this.root = element('div', { class: 'editor' }, this.toolbar.element, this.banner.element, this.pane,
      this.status.element, this.voice, this.help.element);
    this.painter = new Painter(this.text);
    this.pointer = new Pointer(this);
    this.root.addEventListener('keydown', (event) => this.#onKey(event));
    parent.appendChild(this.root);
  }

  /** Leaves the page; edits that are still waiting are sent. */
  destroy() {
    this.pointer.destroy();
    this.saving?.transport.close();
    this.root.remove();
  }

  /**
   * Takes what Python sent. Idempotent: runs after every rerun and theme change.
   * @param {EditorData} data
   * @param {(name: string, value: any) => void} setStateValue
   */
  update(data, setStateValue) {
    this.#setStateValue = setStateValue;
    if (!data) return;
    const previous = this.#data;
    this.#data = data;
    this.pane.style.height = data.height ? `${data.height}px` : '';
    const reload = data.docId !== previous?.docId;
    if (reload) this.#load(previous);
    else if (data.epoch !== this.#shown.epoch && this.saving.transport.pending.length) this.saving.hurry();
    this.catchUp();
    if (reload || JSON.stringify(data.labels) !== JSON.stringify(previous.labels)) {
      this.toolbar.setLabels(data.labels);
      this.#mount();
    }
    this.refresh();
  }

  /** Shows what Python sent with a new epoch, once nothing that the person did here is missing in it. */
  catchUp() {
    const { docId, epoch, spans, revision } = this.#data;
    if (!this.saving || docId !== this.#shown.docId || epoch === this.#shown.epoch) return;
    const { transport, leaving } = this.saving;
    if (transport.pending.length) return;
    if (revision < transport.revision) {
      const missing = `${docId} ${epoch} ${transport.revision}`;
      if (missing !== this.#asked) this.lookAgain(); // else the answer is on its way
      this.#asked = missing;
      return;
    }
    this.#shown.epoch = epoch;
    if (leaving || !this.grow(spans, revision)) {
      this.#load(this.#data);
      this.#mount();
      this.refresh();
    }
  }

  /** Asks Python to run again and to send what is stored now. */
  lookAgain() {
    this.report('stale', { revision: this.saving.transport.revision });
  }

  /** Adds suggestions that have arrived, under the person's hands: the place, the selection and undo are kept.
   *  @returns {boolean} false, and nothing is done, if the server's spans differ in more than that */
  grow(spans, revision) {
    const inHere = spans.map((span) => ({ ...span, ...this.wire.rangeFromWire(span) }));
    const known = ({ id }) => !this.document.get(id) && this.wire.knows(id);
    if (!this.document.isGrownTo(inHere) || inHere.some(known)) return false;
    this.document.replaceAll(spans.map((span) => this.wire.fromWire(span)));
    const top = this.pane.scrollTop;
    this.#mount();
    this.pane.scrollTop = top;
    this.#reselect();
    this.saving.transport.rebase(revision, []);
    return true;
  }

  #mount() {
    this.painter.mount(this.document, this.#data.labels);
    this.painter.activate(this.document.get(this.#active));
  }

  #load(previous) {
    const { docId, epoch, text, spans } = this.#data;
    this.#shown = { docId, epoch };
    this.saving?.transport.close();
    this.banner.close(this.banner.kind);
    if (this.help.open) this.help.toggle();
    this.dropSelection();
    this.#active = null;
    this.#history.clear();
    this.wire = new Wire(text);
    this.document = new SpanDocument(text, spans.map((span) => this.wire.fromWire(span)));
    this.saving = new Saving(this, this.#data);
    this.pane.scrollTop = 0;
    if (previous) this.focus(); // the next note: hands stay on the keyboard
  }

  /** The editor's state for tests and benchmarks; offsets are code points. */
  snapshot() {
    const { docId, epoch } = this.#shown;
    const { pending, problem, revision, client } = this.saving.transport;
    return {
      docId, epoch, revision, client,
      spans: this.document.sorted.map((span) => this.wire.toWire(span)),
      active: this.#active,
      selected: this.#selected && this.wire.rangeToWire(this.#selected),
      pending: pending.length, problem: problem?.kind ?? null, banner: this.banner.kind, leaving: this.saving.leaving,
      canUndo: this.#history.canUndo, canRedo: this.#history.canRedo,
    };
  }

  // ---- edits

  get #editable() {
    return !this.#data.readOnly && !this.saving.leaving;
  }

  /** Makes changes as one undo step. */
  commit(changes) {
    this.#history.push(changes);
    this.#perform(changes);
  }

  #perform(changes, options) {
    const edits = changes.map((change) => this.wire.edit(change, options));
    this.#show(changes);
    this.saving.transport.add(edits);
  }

  #show(changes) {
    this.painter.paint(new Set(changes.flatMap((change) => [...this.document.apply(change)])));
    this.#reselect();
  }

  /** Gives a label to the selected text, else to the active span. */
  label(name) {
    if (!this.#editable) return;
    if (this.#selected) this.#create(this.#selected, name);
    else this.#change({ label: name, state: 'confirmed' });
  }

  #create({ start, end }, label) {
    const twin = this.document.find(start, end, label);
    const span = twin ?? { id: uuid(), start, end, label, origin: 'person', score: null };
    this.dropSelection();
    if (twin?.state !== 'confirmed') this.commit([{ before: twin, after: { ...span, state: 'confirmed' } }]);
    this.#activate(this.document.get(span.id));
  }

  /** Changes the active span. */
  #change(properties) {
    const before = this.document.get(this.#active);
    if (!before) return;
    const after = { ...before, ...properties };
    if (Object.keys(properties).some((name) => before[name] !== after[name])) this.commit([{ before, after }]);
    this.#activate(this.document.get(after.id));
  }

  /** Confirms the active span and goes to the next suggestion. */
  accept() {
    this.#judge('confirmed');
  }

  /** Keeps the active span as rejected and goes to the next suggestion. */
  reject() {
    this.#judge('rejected');
  }

  #judge(state) {
    if (!this.#editable) return;
    this.#change({ state });
    this.goToSuggestion();
  }

  /** Deletes the active span. */
  remove() {
    const span = this.document.get(this.#active);
    if (!span || !this.#editable) return;
    const neighbour = this.document.neighbour(span.id, 1) ?? this.document.neighbour(span.id, -1);
    this.commit([{ before: span, after: null }]);
    this.#activate(neighbour, { spoken: `Deleted ${span.label}. ` });
  }

  undo() {
    if (this.#editable) this.#step(this.#history.undo());
  }

  redo() {
    if (this.#editable) this.#step(this.#history.redo());
  }

  #step(changes) {
    if (!changes.length) return;
    this.#perform(changes, { again: true });
    const shown = changes.findLast(({ after }) => after)?.after;
    this.#activate(this.document.get(shown?.id ?? this.#active));
  }

  /** The server's spans (code points) replace all local ones; there is nothing to undo afterwards. */
  replaceSpans(spans) {
    this.dropSelection();
    this.document.replaceAll(spans.map((span) => this.wire.fromWire(span)));
    this.#history.clear();
    this.painter.mount(this.document, this.#data.labels);
    this.#activate(this.document.get(this.#active));
  }

  /** Takes back edits of one span that the server refused for good. */
  takeBack([first]) {
    const current = this.document.get(first.span_id);
    const after = first.before && this.wire.fromWire({ ...current, ...first.before, id: first.span_id });
    if (current || after) this.#show([{ before: current, after }]);
    this.#history.forget(first.span_id);
    this.#activate(this.document.get(this.#active));
  }

  // ---- moving and selecting

  /** Makes the next (1) or previous (-1) span active.
   *  @returns {boolean} false at either end: the key keeps its usual meaning, so Tab leaves the editor */
  move(step) {
    const span = this.document.neighbour(this.#active, step);
    if (span) this.#activate(span);
    return Boolean(span);
  }

  /** Makes the next suggestion that nobody has looked at active, from the top again after the last one. */
  goToSuggestion() {
    const span = this.document.nextSuggestion(this.document.get(this.#active));
    if (span) this.#activate(span);
    else this.voice.textContent = 'No suggestions left.';
  }

  #activate(span, { reveal = true, spoken = '' } = {}) {
    this.floating.hide();
    this.#active = span?.id ?? null;
    this.painter.activate(span);
    this.#reselect();
    if (span && reveal) this.painter.elementOf(span)?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
    this.voice.textContent = span ? `${spoken}${describe(span)}: ${this.document.text.slice(span.start, span.end)}` : spoken;
    this.refresh();
  }

  /** A click on these spans, innermost first: makes the first one active, or the one around the active one. */
  choose(spans) {
    const next = spans[(spans.findIndex((span) => span.id === this.#active) + 1) % spans.length] ?? null;
    this.#activate(next, { reveal: false });
    if (!next) return;
    const rectangle = this.painter.elementOf(next).getBoundingClientRect();
    this.floating.showForSpan(rectangle, next, this.#data.labels, !this.#editable);
  }

  /** Selects text and offers the labels for it. */
  selectText(range) {
    this.#selected = range;
    const rectangles = select(this.painter, range).getClientRects();
    if (this.#editable) this.floating.showForText(rectangles[rectangles.length - 1], this.#data.labels);
    this.voice.textContent = `Selected: ${this.document.text.slice(range.start, range.end)}`;
  }

  #reselect() {
    if (this.#selected) select(this.painter, this.#selected); // repainting has replaced the nodes it was in
  }

  dropSelection() {
    if (this.#selected) clearSelection();
    this.#selected = null;
    this.floating.hide();
  }

  /** Drops the selection and the active span; closes the help or a question first if one is open. */
  clear() {
    if (this.help.open) this.toggleHelp();
    else if (this.banner.cancel) this.banner.cancel();
    else {
      this.dropSelection();
      this.#activate(null);
      this.focus();
    }
  }

  toggleHelp() {
    this.floating.hide();
    this.help.toggle();
    if (!this.help.open) this.focus();
  }

  focus() {
    this.text.focus({ preventScroll: true });
  }

  // ---- keyboard

  #onKey(event) {
    const chord = event.ctrlKey || event.metaKey || event.altKey;
    if (!chord) event.stopPropagation(); // Streamlit has hotkeys on bare letters
    const button = event.target instanceof HTMLButtonElement ? event.target : null;
    let done = false;
    if (this.banner.confirm && event.key === 'Enter') {
      done = true;
      // A key held down since the submit must not answer the question that it raised.
      if (!chord && !event.repeat) (this.banner.element.contains(button) ? button.click() : this.banner.confirm());
    } else if (!(button && !chord && ['Enter', ' ', 'Tab'].includes(event.key))) {
      done = this.#run(event, chord);
    }
    if (!done) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @returns {boolean} whether the key was ours */
  #run(event, chord) {
    const key = keyOf(event);
    if (this.help.open && !['clear', 'toggleHelp'].includes(key?.command)) return false;
    if (key && !(key.edits && this.#data.readOnly)) return this[key.command](key.argument) !== false;
    const label = chord ? null : this.#data.labels.find((one) => one.key === event.key);
    if (label) this.label(label.name);
    return Boolean(label);
  }

  // ---- leaving the note

  submit() {
    this.floating.hide();
    if (this.#editable) this.saving.submit();
  }

  skip() {
    if (this.#editable) this.saving.skip();
  }

  /** Tells Python how the note was left, or what the editor needs. */
  report(name, details) {
    const { docId, visit } = this.#data;
    this.#setStateValue(name, { docId, visit, at: Date.now(), ...details });
  }

  /** Brings toolbar and status line up to date. */
  refresh() {
    const { saving, document: document_ } = this;
    if (!saving) return;
    const { readOnly } = this.#data;
    this.toolbar.refresh({ history: this.#history, readOnly, busy: saving.leaving });
    this.status.refresh({
      counts: document_.counts(), active: document_.get(this.#active), transport: saving.transport,
      readOnly, busy: saving.leaving,
    });
  }
}
