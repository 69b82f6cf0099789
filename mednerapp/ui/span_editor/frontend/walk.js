//# allFunctionsCalledOnLoad
// Where the person is: the active span, the selected text, what is announced and scrolled into view.

import { mentionOf } from './document.js';
import { afterFrame } from './http.js';
import { describe } from './segments.js';
import { clearSelection, select } from './selection.js';

export class Walk {
  #active = null; // id
  #selected = null;
  #frame = 0;
  /** A list beside the text: while it leads, its order counts instead of the text's.
   *  @type {import('./features/spans.js').Spans | null} */
  list = null;

  /** @param {import('./editor.js').SpanEditor} editor */
  constructor(editor) {
    this.editor = editor;
  }

  /** @returns {import('./document.js').Span | null} */
  get active() {
    return this.editor.document?.get(this.#active) ?? null;
  }

  /** @returns {{start: number, end: number} | null} UTF-16 offsets */
  get selected() {
    return this.#selected;
  }

  /** Another note is shown. */
  reset() {
    this.drop();
    this.#active = null;
  }

  /** Makes the next (1) or previous (-1) span active; from the word cursor the nearest one.
   *  @returns {boolean} false at either end: the key keeps its usual meaning, so Tab leaves the editor */
  move(step) {
    const { document: document_, cursor } = this.editor;
    const span = cursor.word && !this.active ? cursor.neighbour(step) : document_.neighbour(this.#active, step);
    if (span) this.activate(span);
    return Boolean(span);
  }

  /** Makes the next suggestion that nobody has looked at active, from the top again after the last one. */
  goToSuggestion() {
    const { document: document_, cursor } = this.editor;
    const span = this.list?.leads ? this.list.nextSuggestion() : document_.nextSuggestion(this.active ?? cursor.asSpan());
    if (span) this.activate(span);
    else this.editor.tell('No suggestions left.');
  }

  /** The span that is active once this one is gone. */
  afterRemovalOf(span) {
    const { document: document_ } = this.editor;
    if (this.list?.leads) return this.list.neighbour(span);
    return document_.neighbour(span.id, 1) ?? document_.neighbour(span.id, -1);
  }

  activate(span, { reveal = true, spoken = '' } = {}) {
    const { editor } = this;
    editor.floating.hide();
    this.#active = span?.id ?? null;
    editor.painter.activate(span);
    if (span) editor.cursor.follow(span);
    this.reselect();
    if (span && reveal) this.reveal(span);
    const { document: document_ } = editor;
    editor.say(() => (span && document_ === editor.document ? `${spoken}${this.spoken(span)}` : spoken));
    afterFrame(() => this.#showTriggers());
    editor.refresh();
  }

  #showTriggers() {
    const { editor, active } = this;
    if (!editor.root.isConnected) return;
    editor.painter.decorate('trigger', active ? editor.triggersOf(active) : []);
  }

  /** Everything about a span in words, its place in the note among them. */
  spoken(span) {
    const { document: document_ } = this.editor;
    return `${document_.rank(span) + 1} of ${document_.sorted.length} · ${describe(span)}: ${mentionOf(document_.text, span)}`;
  }

  /** Scrolls a range into view if it is not. In the next frame: everything is written then, and is laid out only once. */
  reveal(range, { block = 'nearest', after } = {}) {
    cancelAnimationFrame(this.#frame);
    const { editor } = this;
    const { document: document_ } = editor;
    this.#frame = requestAnimationFrame(() => {
      if (document_ !== editor.document) return;
      const { pane, painter } = editor;
      painter.prepare(range);
      const place = painter.boxOf(range);
      if (!place) {
        afterFrame(() => this.reveal(range, { block, after }));
        return;
      }
      const frame = pane.getBoundingClientRect();
      const margin = Math.min(64, frame.height / 6);
      const above = place.top < frame.top + margin;
      if (block === 'center' || above || place.bottom > frame.bottom - margin) {
        const top = block === 'center' ? (frame.height - place.height) / 2 : above ? margin : frame.height - place.height - margin;
        pane.scrollTop += place.top - frame.top - Math.max(margin, top);
      }
      after?.();
    });
  }

  /** A click on these spans, innermost first: makes the first one active, or the one around the active one. */
  choose(spans) {
    const next = spans[(spans.findIndex((span) => span.id === this.#active) + 1) % spans.length] ?? null;
    this.editor.cursor.hide();
    this.activate(next, { reveal: false });
    if (next) this.showBar();
  }

  /** Offers what can be done with the active span, beside it. */
  showBar() {
    const { editor } = this;
    const { active } = this;
    if (active) editor.floating.showForSpan(() => editor.painter.elementOf(active)?.getBoundingClientRect(), active);
  }

  /** Selects text and offers the labels for it. */
  select(range, { bar = true, spoken = 'Selected: ' } = {}) {
    const { editor } = this;
    this.#selected = range;
    select(editor.painter, range);
    if (editor.editable && bar) editor.floating.showForText(() => [...editor.painter.rangeOf(range.start, range.end).getClientRects()].at(-1));
    editor.say(spoken + editor.document.text.slice(range.start, range.end));
  }

  reselect() {
    if (this.#selected) select(this.editor.painter, this.#selected); // repainting has replaced the nodes it was in
  }

  drop() {
    if (this.#selected) clearSelection();
    this.#selected = null;
    this.editor.floating.hide();
  }

  /** Drops the selection and the active span; closes the help or a question first if one is open, the panel if nothing else is. */
  clear() {
    const { editor } = this;
    if (editor.help.open) editor.keyboard.toggleHelp();
    else if (editor.banner.cancel) editor.banner.cancel();
    else if (!this.#selected && !this.active && !editor.cursor.word && editor.side.current) editor.side.close();
    else {
      this.drop();
      editor.cursor.hide();
      this.activate(null);
      editor.focus();
    }
  }
}
