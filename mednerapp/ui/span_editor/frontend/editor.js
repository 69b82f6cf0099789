//# allFunctionsCalledOnLoad
// The span editor: the live spans of one note while it is open, and the parts that show and change them.
// The database owns the truth: every edit goes to the server at once through saving.js and transport.js.

import { Actions } from './actions.js';
import { Cursor } from './cursor.js';
import { SpanDocument } from './document.js';
import { element } from './elements.js';
import { Features } from './features/index.js';
import { Fit } from './fit.js';
import { FloatingBar } from './floating.js';
import { History } from './history.js';
import { afterFrame, fetchJson, uuid } from './http.js';
import { Keyboard } from './keyboard.js';
import { Loader } from './loader.js';
import { Painter } from './painter.js';
import { Banner, Help, StatusLine, Toolbar } from './panels.js';
import { Pointer } from './pointer.js';
import { Side } from './side.js';
import { Walk } from './walk.js';

const TEXT_LABEL = 'Note text. Tab and arrow keys move between spans, Ctrl and arrow keys move a word cursor, number keys set the label, question mark lists all keys.';

export class SpanEditor {
  /** @type {import('./data.js').EditorData | null} */
  data = null;
  #setStateValue = null;
  #refreshing = false;
  #words = ''; // to be announced, or what gives them
  #looking = null; // a document that is shown only to look at

  /** @param {Node} parent the component's place in the page */
  constructor(parent) {
    this.loader = new Loader(this);
    this.history = new History();
    this.actions = new Actions(this);
    this.walk = new Walk(this);
    this.side = new Side(this);
    this.toolbar = new Toolbar(this);
    this.banner = new Banner();
    this.floating = new FloatingBar(this);
    this.status = new StatusLine();
    this.voice = element('div', { class: 'voice', 'aria-live': 'polite' });
    // The keys are single letters, so the focusable element is an application: screen readers then pass keys on. The text inside
    // is a document again, which they can read, search and walk through in their own way.
    this.lines = element('div', { class: 'lines', role: 'document', 'aria-label': 'Note' });
    this.text = element('div', {
      class: 'text', tabindex: '0', role: 'application', 'aria-roledescription': 'note with labelled spans',
      'aria-label': TEXT_LABEL,
    }, this.lines);
    this.pane = element('div', { class: 'pane' }, this.text, this.floating.element);
    this.root = element('div', { class: 'editor' }, this.toolbar.element, this.banner.element,
      element('div', { class: 'columns' }, this.pane, this.side.element), this.status.element, this.voice);
    this.painter = new Painter(this.lines);
    this.painter.readTheme(parent);
    parent.appendChild(this.root);
    this.fit = new Fit(this);
    this.cursor = new Cursor(this);
    this.pointer = new Pointer(this);
    this.features = new Features(this);
    this.keyboard = new Keyboard(this);
    this.help = new Help(this.keyboard.table, () => this.keyboard.toggleHelp());
    this.root.append(this.help.element);
    this.text.addEventListener('focus', () => this.pane.classList.toggle('focused', this.text.matches(':focus-visible')));
    this.text.addEventListener('blur', () => this.pane.classList.remove('focused'));
  }

  /** Leaves the page; edits that are still waiting are sent. */
  destroy() {
    this.keyboard.destroy();
    this.pointer.destroy();
    this.fit.destroy();
    this.painter.undecorate();
    this.loader.close();
    this.saving?.close();
    this.root.remove();
  }

  /**
   * Takes what Python sent. Idempotent: runs after every rerun and theme change.
   * @param {import('./data.js').EditorData} data
   * @param {(name: string, value: any) => void} setStateValue
   */
  update(data, setStateValue) {
    this.#setStateValue = setStateValue;
    if (!data) return;
    const previous = this.data;
    if (previous) this.painter.readTheme(this.root.parentNode);
    this.data = data;
    this.loader.take(data, previous);
    this.painter.updateColors();
    if (previous) this.fit.now();
    this.refresh();
  }

  /** Draws the document anew. */
  mount() {
    this.painter.mount(this.document, this.data.labels);
    this.painter.activate(this.activeSpan);
  }

  /** Where the routes of this annotation are. */
  get apiUrl() {
    return this.data.apiUrl || this.data.saveUrl.replace(/\/edits$/, '');
  }

  /** Reads (or with a body posts) JSON. */
  fetchJson(url, body) {
    return fetchJson(url, body);
  }

  /** The editor's state for tests and benchmarks; offsets are code points. */
  snapshot() {
    const { docId, epoch } = this.loader.shown;
    const { pending, problem, revision, client } = this.saving.transport;
    const { selected } = this;
    return {
      docId, epoch, revision, client,
      spans: this.live.sorted.map((span) => this.wire.toWire(span)),
      active: this.activeSpan?.id ?? null,
      selected: selected && this.wire.rangeToWire(selected),
      cursor: this.cursor.word && this.wire.rangeToWire(this.cursor.word),
      pending: pending.length, problem: problem?.kind ?? null, banner: this.banner.kind, leaving: this.saving.leaving,
      canUndo: this.history.canUndo, canRedo: this.history.canRedo, steps: this.history.ids,
    };
  }

  // ---- edits

  get editable() {
    return !this.data.readOnly && !this.saving.leaving && !this.#looking;
  }

  /** The person's own spans, also while another version is shown to look at. */
  get live() {
    return this.#looking ?? this.document;
  }

  /**
   * Makes changes as one undo step.
   * @param {import('./document.js').Change[]} changes
   * @param {{step?: string, bulk?: boolean, joins?: boolean}} [options] bulk: the step also changes other notes, through bulkUrl;
   *   joins: it makes one span of two
   */
  commit(changes, { step = uuid(), bulk = false, joins = false } = {}) {
    this.history.push({ id: step, changes, bulk, joins });
    this.perform(changes, { step });
  }

  /** Makes changes and sends them. */
  perform(changes, options) {
    const { document: document_ } = this;
    const real = changes
      .map(({ before, after }) => ({ before: document_.get((before ?? after).id), after }))
      .filter(({ before, after }) => before || after);
    const edits = real.map((change) => this.wire.edit(change, options));
    this.show(real);
    this.saving.transport.add(edits);
  }

  /** Makes changes that need not be sent. */
  show(changes) {
    this.painter.settle(); // of the key before, which knew the document as it was
    for (const change of changes) this.document.apply(change);
    this.painter.paint(changes);
    this.walk.reselect();
  }

  label(name) {
    this.actions.label(name);
  }

  /** These spans replace all local ones; `step` is all that can be undone afterwards. */
  replaceSpans(spans, step = null) {
    this.preview(null);
    this.dropSelection();
    this.document.replaceAll(spans);
    this.history.clear();
    if (step) this.history.push(step);
    this.painter.mount(this.document, this.data.labels);
    this.activate(this.activeSpan);
  }

  /** Shows other spans of this note, only to look at them; null: back to the person's own. */
  preview(spans) {
    if (!spans && !this.#looking) return;
    this.floating.hide(); // what it stands beside may not be there
    const own = this.live;
    this.#looking = spans && own;
    this.document = spans ? new SpanDocument(own.text, spans) : own;
    this.root.classList.toggle('preview', Boolean(spans));
    this.mount();
    this.refresh();
  }

  /** Takes back edits of one span that the server refused for good. */
  takeBack([first]) {
    this.preview(null);
    const current = this.document.get(first.span_id);
    const after = first.before && this.wire.withContent(current, first.span_id, first.before);
    if (current || after) this.show([{ before: current, after }]);
    this.history.forget(first.span_id);
    this.activate(this.activeSpan);
  }

  // ---- where the person is

  /** @returns {import('./document.js').Span | null} */
  get activeSpan() {
    return this.walk.active;
  }

  /** @returns {{start: number, end: number} | null} the selected text, UTF-16 offsets */
  get selected() {
    return this.walk.selected;
  }

  activate(span, options) {
    this.walk.activate(span, options);
  }

  /** Scrolls [start, end) into the middle of the pane and lets it flash. */
  reveal(start, end) {
    this.walk.reveal({ start, end }, { block: 'center' });
    this.painter.decorate('flash', [{ start, end }]);
    setTimeout(() => this.painter.decorate('flash', []), 1500);
  }

  /** Selects text, UTF-16 offsets, and offers the labels for it. */
  selectText(range, options) {
    this.walk.select(range, options);
  }

  dropSelection() {
    this.walk.drop();
  }

  /** The words in the text that have led to the assertion suggested for a span. */
  triggersOf(span) {
    const trigger = span.assertion && this.scopes.at(span)?.trigger;
    return trigger ? [this.wire.rangeFromWire({ start: trigger[0], end: trigger[1] })] : [];
  }

  focus() {
    this.text.focus({ preventScroll: true });
  }

  /** Announces something to screen readers.
   *  @param {string | (() => string)} words a function is asked after the frame */
  say(words) {
    this.#words = words;
    afterFrame(() => {
      const said = typeof this.#words === 'function' ? this.#words() : this.#words;
      if (this.voice.textContent !== said) this.voice.textContent = said;
    });
  }

  /** Says what a key has done where the text does not show it: for some seconds under the text, and to screen readers. */
  tell(words) {
    this.say(words);
    this.status.tell(words);
  }

  /** Says something above the text that stays until it is closed. */
  notice(message, choices) {
    this.saving.tell(message, choices);
  }

  /** Tells Python how the note was left, or what the editor needs. */
  report(name, details) {
    const { docId, visit } = this.data;
    this.#setStateValue(name, { docId, visit, at: Date.now(), ...details });
  }

  /** Brings toolbar, status line and features up to date, once after everything that a key does, and after its frame. */
  refresh() {
    if (this.#refreshing) return;
    this.#refreshing = true;
    afterFrame(() => {
      this.#refreshing = false;
      const { saving, document: document_, history } = this;
      if (!saving) return;
      const { readOnly } = this.data;
      this.toolbar.refresh({ history, readOnly, busy: saving.leaving || Boolean(this.#looking) });
      this.status.refresh({
        counts: document_.counts(), active: this.activeSpan, transport: saving.transport, readOnly, busy: saving.leaving,
      });
      this.features.refresh();
    });
  }
}
