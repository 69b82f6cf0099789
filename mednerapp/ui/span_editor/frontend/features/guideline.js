// The part of the project's guideline that is about the label of the active span.

import { element } from '../elements.js';
import { safeColor } from '../colors.js';
import { fromMarkdown } from './markdown.js';
import { write } from './shared.js';

const ID = 'guideline';

export class Guideline {
  static keys = [{ names: ['g'], command: 'guideline.open', keys: 'G', help: 'guideline for the label of the span', group: 'panels' }];
  static panel = { id: ID, title: 'Guideline' };

  commands = { open: () => this.editor.side.toggle(ID) };
  #shown = null; // label and text that are drawn
  #title = element('h3', { class: 'guideline-label', 'aria-live': 'polite' });
  #body = element('div', { class: 'guideline', tabindex: '0', 'aria-label': 'Guideline' });

  /** @param {import('../editor.js').SpanEditor} editor */
  constructor(editor) {
    this.editor = editor;
    const panel = element('div', {}, this.#title, this.#body);
    editor.side.add({ ...Guideline.panel, element: panel, onShow: () => this.#draw() });
  }

  load() {
    this.refresh();
  }

  refresh() {
    if (this.editor.side.isOpen(ID)) this.#draw();
  }

  #draw() {
    const { activeSpan, data } = this.editor;
    const label = data.labels.find(({ name }) => name === activeSpan?.label);
    const name = activeSpan?.label ?? '';
    const text = data.guidelines?.[name] ?? '';
    const shown = JSON.stringify([name, text]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    write(this.#title, name || 'No span is active');
    this.#title.style.setProperty('--color', safeColor(label?.color));
    this.#title.classList.toggle('of-label', Boolean(name));
    this.#body.scrollTop = 0;
    if (!name) this.#body.replaceChildren(element('p', {}, 'Go to a span to read what the guideline says about its label.'));
    else if (text) this.#body.replaceChildren(...fromMarkdown(text, 4));
    else {
      this.#body.replaceChildren(
        ...(label?.description ? [element('p', {}, label.description)] : []),
        element('p', { class: 'quiet' }, 'The project’s guideline says nothing about this label.'),
      );
    }
  }
}
