//# allFunctionsCalledOnLoad
// The panels beside the text: one is open at a time, a column right of the text (under it where the editor is narrow).

import { button, element } from './elements.js';
import { remember, remembered } from './remembering.js';

const REMEMBERED = 'medner.side'; // in sessionStorage: the id of the open panel, nothing else

/**
 * @typedef {object} Panel
 * @property {string} id
 * @property {string} title
 * @property {HTMLElement} element
 * @property {() => void} [onShow]
 * @property {() => void} [onHide]
 */

export class Side {
  #panels = new Map();
  #makers = new Map(); // id → adds the panel that is offered
  #buttons = new Map();
  #current = null;
  #wanted = remembered(REMEMBERED); // id of the panel that was open last, '' after one was closed
  #title = element('h2', { class: 'side-title', id: 'side-title' });
  #body = element('div', { class: 'side-body' });

  /** @param {import('./editor.js').SpanEditor} editor */
  constructor(editor) {
    this.editor = editor;
    const close = button('Close', () => { this.close(); editor.focus(); }, { class: 'side-close', 'aria-keyshortcuts': 'Escape' });
    this.element = element('section', { class: 'side', id: 'side', 'aria-labelledby': 'side-title', hidden: true },
      element('div', { class: 'side-head' }, this.#title, close), this.#body);
    this.element.addEventListener('keydown', (event) => this.#onKey(event));
    /** Opens and closes the panels; part of the toolbar. */
    this.openers = element('div', { class: 'openers', role: 'group', 'aria-label': 'Panels' });
  }

  /** Shows the button of a panel that is there later. @param {() => void} make adds it */
  offer({ id, title }, make) {
    this.#makers.set(id, make);
    this.#addOpener(id, title);
  }

  /** @param {Panel} panel whose element is shown while it is open */
  add(panel) {
    this.#panels.set(panel.id, panel);
    if (!this.#buttons.has(panel.id)) this.#addOpener(panel.id, panel.title);
    if (this.#wanted === panel.id && !this.#current) queueMicrotask(() => { if (!this.#current) this.open(panel.id, { focus: false }); });
  }

  #addOpener(id, title) {
    const opener = button(title, () => this.toggle(id), { 'aria-expanded': 'false', 'aria-controls': 'side' });
    this.#buttons.set(id, opener);
    this.openers.append(opener);
  }

  /** Whether a panel is open, or was when the page was left. */
  get wanted() {
    return Boolean(this.#wanted);
  }

  #remember(id) {
    this.#wanted = id;
    remember(REMEMBERED, id);
  }

  /** Takes a panel away again. */
  remove(id) {
    if (this.#current === id) this.close();
    this.#panels.delete(id);
    this.#buttons.get(id)?.remove();
    this.#buttons.delete(id);
  }

  has(id) {
    return this.#panels.has(id);
  }

  /** Id of the open panel, null when none is open. */
  get current() {
    return this.#current;
  }

  isOpen(id) {
    return this.#current === id;
  }

  /** Shows a panel; with `focus` the keyboard goes to its first control. */
  open(id, { focus = true } = {}) {
    if (!this.#panels.has(id)) this.#makers.get(id)?.();
    const panel = this.#panels.get(id);
    if (!panel) return;
    if (this.#current !== id) {
      this.#leave();
      this.#current = id;
      this.#title.textContent = panel.title;
      this.#body.replaceChildren(panel.element);
      this.element.hidden = false;
      this.#buttons.get(id).setAttribute('aria-expanded', 'true');
      this.#remember(id);
      panel.onShow?.();
    }
    if (focus) this.focus();
  }

  close() {
    if (!this.#current) return;
    const inside = this.element.contains(this.element.getRootNode().activeElement);
    this.#leave();
    this.element.hidden = true;
    this.#remember('');
    if (inside) this.editor.focus();
  }

  toggle(id) {
    if (this.#current === id) this.close();
    else this.open(id);
    return true;
  }

  /** Puts the keyboard into the open panel, or back into the text if it is there. */
  switchFocus() {
    if (!this.#current) return false;
    if (this.element.contains(this.element.getRootNode().activeElement)) this.editor.focus();
    else this.focus();
    return true;
  }

  focus() {
    const first = this.#body.querySelector('[data-first]') ?? this.#body.querySelector('[autofocus], input, textarea, select, button:not([disabled]), [tabindex="0"]');
    (first ?? this.element.querySelector('.side-close')).focus();
  }

  #leave() {
    const panel = this.#panels.get(this.#current);
    this.#buttons.get(this.#current)?.setAttribute('aria-expanded', 'false');
    this.#current = null;
    panel?.onHide?.();
  }

  #onKey(event) {
    if (event.key !== 'Escape' || event.defaultPrevented) return;
    this.editor.focus();
    event.preventDefault();
    event.stopPropagation();
  }
}
