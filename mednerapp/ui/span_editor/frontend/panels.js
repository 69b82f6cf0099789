//# allFunctionsCalledOnLoad
// The parts around the text: toolbar with legend, banner, status line, help.

import { button, element, rovingFocus } from './elements.js';
import { GESTURES, GROUPS, groupOf } from './keys.js';
import { safeColor } from './colors.js';
import { describe } from './segments.js';

/** A label as a button: key, colour, name. */
export function labelButton(label, choose) {
  const swatch = element('span', { class: 'swatch', 'aria-hidden': 'true' });
  swatch.style.setProperty('--color', safeColor(label.color));
  const key = label.key ? [element('kbd', {}, label.key)] : [];
  return button([...key, swatch, label.name], () => choose(label.name), {
    class: 'label', title: label.description || null, 'aria-keyshortcuts': label.key || null,
  });
}

/** Legend and actions above the text. */
export class Toolbar {
  #legend = element('div', { class: 'legend', role: 'group', 'aria-label': 'Labels' });
  #shown = '';

  /** @param {import('./editor.js').SpanEditor} editor */
  constructor(editor) {
    this.editor = editor;
    const { actions } = editor;
    const back = (command) => () => { command(); editor.focus(); };
    this.undo = button('Undo', back(() => actions.undo()), { title: 'Ctrl+Z' });
    this.redo = button('Redo', back(() => actions.redo()), { title: 'Ctrl+Shift+Z' });
    this.help = button('Keys ?', () => editor.keyboard.toggleHelp(), { 'aria-haspopup': 'dialog' });
    this.skip = button('Skip', () => actions.skip(), { title: 'Put this note off: what you marked is kept, and it comes again at the end' });
    this.submit = button('Submit & next', () => actions.submit(), { class: 'primary', title: 'Ctrl+Enter' });
    this.element = element('div', { class: 'toolbar', role: 'toolbar', 'aria-label': 'Labels and actions' }, this.#legend,
      editor.side.openers, element('div', { class: 'actions' }, this.undo, this.redo, this.help, this.skip, this.submit));
    this.chooseTabStop = rovingFocus(this.element);
  }

  setLabels(labels) {
    const choose = (name) => { this.editor.label(name); this.editor.focus(); };
    this.#legend.replaceChildren(...labels.map((label) => labelButton(label, choose)));
    this.#shown = '';
  }

  /** Writes only what has changed: this runs after every key. */
  refresh({ history, readOnly, busy }) {
    const now = `${history.canUndo} ${history.canRedo} ${readOnly} ${busy} ${this.editor.side.openers.children.length}`;
    if (now === this.#shown) return;
    this.#shown = now;
    this.undo.disabled = readOnly || busy || !history.canUndo;
    this.redo.disabled = readOnly || busy || !history.canRedo;
    for (const one of this.#legend.children) one.disabled = readOnly || busy;
    for (const one of [this.skip, this.submit]) {
      one.hidden = readOnly;
      one.disabled = busy;
    }
    this.chooseTabStop();
  }
}

/**
 * A message above the text that stays until somebody acts on it.
 * @typedef {{label: string, run: () => void}} Choice
 */
export class Banner {
  #kind = null;
  #words = element('span', {});
  #choices = element('span', { class: 'choices' });

  constructor() {
    this.element = element('div', { class: 'banner', role: 'alert', hidden: true }, this.#words, this.#choices);
    this.confirm = null;
    this.cancel = null;
  }

  /** What the open banner is about, null when none is open. */
  get kind() {
    return this.#kind;
  }

  get message() {
    return this.#kind && this.#words.textContent;
  }

  /**
   * @param {string} kind
   * @param {(string | Node)[]} words
   * @param {Choice[]} choices
   * @param {{question?: boolean}} [options] question: Enter and Escape take the first choice, the harmless one
   */
  show(kind, words, choices, { question = false } = {}) {
    this.#words.replaceChildren(...words);
    if (kind === this.#kind) return; // only the words changed: keep the focus in the choices
    this.#kind = kind;
    this.#choices.replaceChildren(...choices.map(({ label, run }, i) =>
      button(label, run, { class: i === 0 ? 'primary' : false })));
    this.confirm = question ? choices[0].run : null;
    this.cancel = this.confirm;
    this.element.hidden = false;
    if (question) this.#choices.firstChild.focus();
  }

  /** Closes the banner if it is about one of these things. */
  close(...kinds) {
    if (!kinds.includes(this.#kind)) return;
    this.#kind = null;
    this.confirm = null;
    this.cancel = null;
    this.element.hidden = true;
    this.#words.replaceChildren();
    this.#choices.replaceChildren();
  }
}

const TOLD = 6_000; // ms

/** Counts, the active span and the saved state under the text. */
export class StatusLine {
  counts = element('span', { class: 'counts' });
  detail = element('span', { class: 'detail' });
  saved = element('span', { class: 'saved', role: 'status', 'aria-live': 'polite' });
  #told = element('span', { class: 'said', 'aria-hidden': 'true' }); // screen readers are told in the editor's own voice
  #until = null;

  constructor() {
    this.element = element('div', { class: 'status' }, this.counts, this.detail, this.#told, this.saved);
  }

  /** Shows a few words for some seconds; '': takes them away. */
  tell(words) {
    clearTimeout(this.#until);
    write(this.#told, words);
    if (words) this.#until = setTimeout(() => this.tell(''), TOLD);
  }

  refresh({ counts, active, transport, readOnly, busy }) {
    const { confirmed, suggested, rejected } = counts;
    write(this.counts, `${confirmed} confirmed · ${suggested} ${suggested === 1 ? 'suggestion' : 'suggestions'} · ${rejected} rejected`);
    write(this.detail, active ? describe(active) : '');
    const state = readOnly ? 'Read only' : savedState(transport);
    write(this.saved, busy && transport.pending.length ? `${state} – the note is left as soon as they are saved` : state);
    const trouble = Boolean(transport.problem);
    if (trouble !== this.saved.classList.contains('trouble')) this.saved.classList.toggle('trouble', trouble);
  }
}

/** "1 edit is waiting", "3 edits are waiting". */
export function waiting(count) {
  return `${count} ${count === 1 ? 'edit is' : 'edits are'} waiting`;
}

function savedState({ pending, problem }) {
  const count = `${pending.length} ${pending.length === 1 ? 'edit' : 'edits'} waiting`;
  if (problem?.kind === 'offline') return `Offline – ${count}`;
  if (problem?.kind === 'server') return `The server cannot save just now – ${count}`;
  if (problem) return `Not saved – ${count}`;
  return pending.length ? 'Saving…' : 'Saved ✓';
}

function write(node, text) {
  if (node.textContent !== text) node.textContent = text; // an unchanged live region must not speak again
}

/** The list of all keys, written when it is first opened. */
export class Help {
  #groups = element('div', { class: 'help-groups' });

  /** @param {import('./keys.js').Key[]} table
   *  @param {() => void} close */
  constructor(table, close) {
    this.table = table;
    this.closeButton = button('Close', close);
    this.element = element('div', { class: 'help', role: 'dialog', 'aria-modal': 'true', 'aria-label': 'Keys', hidden: true },
      this.closeButton, this.#groups);
    this.element.addEventListener('keydown', (event) => {
      if (event.key === 'Tab') event.preventDefault(); // the close button is the only stop while the list is open
    });
  }

  get open() {
    return !this.element.hidden;
  }

  toggle() {
    if (!this.#groups.hasChildNodes()) this.#write();
    this.element.hidden = this.open;
    if (this.open) this.closeButton.focus();
  }

  #write() {
    const rows = [...GESTURES, ...this.table.filter((key) => key.help).map((key) => [groupOf(key), key.keys, key.help])];
    const group = ([name, title]) => {
      const own = rows.filter(([of]) => of === name);
      return element('section', {}, element('h3', {}, title), element('dl', {},
        ...own.flatMap(([, keys, words]) => [element('dt', {}, keys), element('dd', {}, words)])));
    };
    this.#groups.append(...Object.entries(GROUPS).map(group));
  }
}
