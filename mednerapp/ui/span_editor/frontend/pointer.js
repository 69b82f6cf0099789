//# allFunctionsCalledOnLoad
// The mouse: selecting text and choosing spans.

import { wholeCharacters, wholeWords } from './offsets.js';
import { clearSelection, selectedRange } from './selection.js';

const SETTLED = 350; // ms without a change of the selection: a finger has let go of its handles

export class Pointer {
  #pressed = false;
  #selected = false; // the gesture under way has selected text, so its click chooses no span
  #touch = false; // the last pointer was a finger or a pen
  #timer = 0;

  /** @param {import('./editor.js').SpanEditor} editor */
  constructor(editor) {
    this.editor = editor;
    const { text } = editor;
    text.addEventListener('pointerdown', (event) => { this.#touch = event.pointerType !== 'mouse'; });
    text.addEventListener('mousedown', (event) => this.#press(event));
    text.addEventListener('click', (event) => this.#click(event));
    text.addEventListener('contextmenu', (event) => { if (this.#touch) event.preventDefault(); }); // a long press selects
    text.addEventListener('dragstart', (event) => event.preventDefault());
    document.addEventListener('mouseup', this.#release); // the button may come up outside the text
    document.addEventListener('selectionchange', this.#settle);
  }

  destroy() {
    clearTimeout(this.#timer);
    document.removeEventListener('mouseup', this.#release);
    document.removeEventListener('selectionchange', this.#settle);
  }

  #press(event) {
    if (event.button !== 0 || this.#touch) return;
    this.#pressed = true;
    this.#selected = false;
    this.editor.dropSelection();
    if (!event.shiftKey) clearSelection(); // else pressing inside a selection would drag it
  }

  #release = (event) => {
    if (!this.#pressed || event.button !== 0) return;
    this.#pressed = false;
    this.#take(event.altKey ? wholeCharacters : wholeWords);
  };

  #take(snap) {
    const { text } = this.editor.document;
    const range = selectedRange(this.editor.painter, text.length);
    const snapped = range && snap(text, range.start, range.end);
    this.#selected = Boolean(snapped);
    if (!snapped) return;
    this.editor.cursor.hide();
    this.editor.selectText(snapped);
  }

  /** A finger selects by a long press and by the handles of the selection: there is no event for its end. */
  #settle = () => {
    if (!this.#touch) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const { editor } = this;
      const range = selectedRange(editor.painter, editor.document.text.length);
      const { selected } = editor;
      if (range && !(selected && selected.start === range.start && selected.end === range.end)) this.#take(wholeWords);
    }, SETTLED);
  };

  #click(event) {
    const { editor } = this;
    if (this.#touch) {
      if (editor.selected) editor.dropSelection(); // a tap, not a long press
      this.#selected = false;
    }
    if (this.#selected) return;
    const spans = editor.painter.spansAt(event);
    editor.walk.choose(spans);
  }
}
