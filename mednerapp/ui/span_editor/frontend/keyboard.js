// From a pressed key to the command that it means.

import { KEYS, keysOf } from './keys.js';

const WRITES = 'input, textarea, select, [contenteditable]';

export class Keyboard {
  /** @param {import('./editor.js').SpanEditor} editor
   *  @param {import('./features/index.js').Feature[]} features */
  constructor(editor, features) {
    this.editor = editor;
    /** @type {import('./keys.js').Key[]} a feature's rows with what they run */
    this.table = [
      ...features.flatMap((feature) => (feature.constructor.keys ?? [])
        .map((key) => ({ ...key, run: (argument) => feature.commands[key.command.split('.').at(-1)](argument) }))),
      ...KEYS,
    ];
    editor.root.addEventListener('keydown', (event) => this.#onKey(event));
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
    if (event.target instanceof Element && event.target.matches(WRITES)) return;
    const button = event.target instanceof HTMLButtonElement ? event.target : null;
    let done = false;
    if (banner.confirm && event.key === 'Enter') {
      done = true;
      // A key held down since the submit must not answer the question that it raised.
      if (!chord && !event.repeat) (banner.element.contains(button) ? button.click() : banner.confirm());
    } else if (!(!chord && ['Enter', ' ', 'Tab'].includes(event.key) && !this.#inText(event))) {
      done = this.#run(event, chord);
    }
    if (!done) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** Enter, blank and Tab keep their usual meaning on every control. */
  #inText(event) {
    return this.editor.pane.contains(event.target) && !(event.target instanceof HTMLButtonElement)
      || event.target === this.editor.root;
  }

  /** @returns {boolean} whether the key was ours */
  #run(event, chord) {
    const { editor } = this;
    for (const key of keysOf(event, this.table)) {
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
