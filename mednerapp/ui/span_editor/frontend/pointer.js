// The mouse: selecting text and choosing spans.

import { wholeCharacters, wholeWords } from './offsets.js';
import { clearSelection, selectedRange } from './selection.js';

export class Pointer {
  #pressed = false;
  #selected = false; // the gesture under way has selected text, so its click chooses no span

  /** @param {import('./editor.js').SpanEditor} editor */
  constructor(editor) {
    this.editor = editor;
    const { text } = editor;
    text.addEventListener('mousedown', (event) => this.#press(event));
    text.addEventListener('click', (event) => this.#click(event));
    text.addEventListener('dragstart', (event) => event.preventDefault());
    document.addEventListener('mouseup', this.#release); // the button may come up outside the text
  }

  destroy() {
    document.removeEventListener('mouseup', this.#release);
  }

  #press(event) {
    if (event.button !== 0) return;
    this.#pressed = true;
    this.#selected = false;
    this.editor.dropSelection();
    if (!event.shiftKey) clearSelection(); // else pressing inside a selection would drag it
  }

  #release = (event) => {
    if (!this.#pressed || event.button !== 0) return;
    this.#pressed = false;
    const { text } = this.editor.document;
    const range = selectedRange(this.editor.painter, text.length);
    const snap = event.altKey ? wholeCharacters : wholeWords;
    const snapped = range && snap(text, range.start, range.end);
    this.#selected = Boolean(snapped);
    if (snapped) this.editor.selectText(snapped);
  };

  #click(event) {
    if (!this.#selected) this.editor.choose(this.editor.painter.spansAt(event));
  }
}
