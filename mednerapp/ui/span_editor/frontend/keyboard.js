//# allFunctionsCalledOnLoad
// From a pressed key to the command that it means.

import { byName, KEYS, keysOf } from './keys.js';

const WRITES = 'input, textarea, select, [contenteditable]';

export class Keyboard {
  #taken = new Set(); // codes of the keys that are down and that the page does not know of

  /** @param {import('./editor.js').SpanEditor} editor */
  constructor(editor) {
    this.editor = editor;
    /** @type {import('./keys.js').Key[]} */
    this.table = [...editor.features.keys, ...KEYS];
    this.rows = byName(this.table);
    editor.root.addEventListener('keydown', (event) => { if (!this.#isInText(event)) this.#onKey(event); });
    // A key in the text is taken before the document and the page's frameworks see it: they would look at each of the hundreds a minute.
    window.addEventListener('keydown', this.#down, true);
    window.addEventListener('keyup', this.#up, true);
    window.addEventListener('blur', this.#forget);
  }

  destroy() {
    window.removeEventListener('keydown', this.#down, true);
    window.removeEventListener('keyup', this.#up, true);
    window.removeEventListener('blur', this.#forget);
  }

  #down = (event) => {
    this.#taken.delete(event.code); // its keyup may never have come
    if (!this.#isInText(event)) return;
    this.#onKey(event);
    if (event.cancelBubble) this.#taken.add(event.code); // stopped here
  };

  /** Who has not seen a key go down must not see it come up. */
  #up = (event) => {
    if (this.#taken.delete(event.code)) event.stopPropagation();
  };

  #forget = () => this.#taken.clear();

  #isInText(event) {
    return event.composedPath()[0] === this.editor.text;
  }

  toggleHelp() {
    this.editor.floating.hide();
    this.editor.help.toggle();
    if (!this.editor.help.open) this.editor.focus();
  }

  #onKey(event) {
    const { banner } = this.editor;
    const chord = event.ctrlKey || event.metaKey || event.altKey;
    if (!chord || event.altKey) event.stopPropagation(); // Streamlit has hotkeys on bare letters
    const [target] = event.composedPath();
    if (target !== this.editor.text && target instanceof Element && target.matches(WRITES)) return;
    const button = target instanceof HTMLButtonElement ? target : null;
    let done = false;
    if (banner.confirm && event.key === 'Enter') {
      done = true;
      // A key held down since the submit must not answer the question that it raised.
      if (!chord && !event.repeat) (banner.element.contains(button) ? button.click() : banner.confirm());
    } else if (!(!chord && ['Enter', ' ', 'Tab'].includes(event.key) && !this.#isOurs(target))) {
      done = this.#run(event, chord);
    }
    if (!done) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Enter, blank and Tab keep their usual meaning on every control. */
  #isOurs(target) {
    return this.editor.pane.contains(target) && !(target instanceof HTMLButtonElement) || target === this.editor.root;
  }

  /** @returns {boolean} whether the key was ours */
  #run(event, chord) {
    const { editor } = this;
    for (const key of keysOf(event, this.rows)) {
      if (editor.help.open && !['walk.clear', 'keyboard.toggleHelp'].includes(key.command)) continue;
      if (key.edits && editor.data.readOnly) continue;
      if (this.#perform(key) !== false) return true;
    }
    if (chord || editor.help.open) return false;
    const label = editor.data.labels.find((one) => one.key === event.key);
    if (label) editor.label(label.name);
    return Boolean(label);
  }

  #perform({ command, argument, run }) {
    if (run) return run(argument);
    const [part, method] = command.split('.');
    return this.editor[part][method](argument);
  }
}
