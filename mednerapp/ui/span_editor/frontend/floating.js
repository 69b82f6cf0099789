//# allFunctionsCalledOnLoad
// The small bar beside the selected text or the active span: for mouse and touch everything that keys can do.

import { ASSERTIONS } from './assertions.js';
import { LONGEST_COMMENT } from './document.js';
import { button, element, rovingFocus } from './elements.js';
import { labelButton } from './panels.js';
import { describe } from './segments.js';

export class FloatingBar {
  #comment = null;
  #keep = null; // saves a comment that is being written
  #anchor = null; // what the bar stands beside; () => DOMRect
  #moved = new ResizeObserver(() => this.#place());

  /** @param {import('./editor.js').SpanEditor} editor */
  constructor(editor) {
    this.editor = editor;
    this.element = element('div', { class: 'floating', role: 'toolbar', 'aria-label': 'Selection', hidden: true });
    this.chooseTabStop = rovingFocus(this.element);
  }

  /** Offers the labels for selected text. @param {() => DOMRect | undefined} anchor where the text is */
  showForText(anchor) {
    this.#show(anchor, [this.#labelRow(this.editor.data.labels)]);
  }

  /** Offers what can be done with a span. @param {() => DOMRect | undefined} anchor where the span is */
  showForSpan(anchor, span) {
    const { editor } = this;
    const { actions } = editor;
    const words = element('span', { class: 'words' }, describe(span));
    if (!editor.editable) {
      this.#show(anchor, [words]);
      return;
    }
    const act = (text, command, attributes = {}) => button(text, this.#run(command), attributes);
    const stay = (text, command, attributes = {}) => button(text, this.#run(command, true), attributes);
    const edge = (text, label, move) => stay(text, () => actions.resize(move), { 'aria-label': label, title: label });
    const assertion = (value) => stay(ASSERTIONS[value], () => actions.assert(value), {
      'aria-pressed': String(span.assertion === value && span.assertionBy === 'person'),
      class: span.assertion === value ? 'chosen' : false,
    });
    this.#show(anchor, [
      element('div', { class: 'row' }, words,
        act('Accept', () => actions.accept(), { disabled: span.state === 'confirmed' }),
        ...(span.assertionBy === 'model' ? [act(`Accept, ${ASSERTIONS[span.assertion]}`, () => actions.acceptWhole(), { title: 'Shift+Enter' })] : []),
        act('Reject', () => actions.reject(), { disabled: span.state === 'rejected' }),
        act('Delete', () => actions.remove())),
      this.#labelRow(editor.data.labels.filter((label) => label.name !== span.label)),
      element('div', { class: 'row', role: 'group', 'aria-label': 'Assertion' }, ...Object.keys(ASSERTIONS).map(assertion)),
      element('div', { class: 'row' },
        element('span', { class: 'row', role: 'group', 'aria-label': 'Edges' },
          edge('⇤[', 'Start a word to the left', { edge: 'start', step: -1 }),
          edge('[⇥', 'Start a word to the right', { edge: 'start', step: 1 }),
          edge('⇤]', 'End a word to the left', { edge: 'end', step: -1 }),
          edge(']⇥', 'End a word to the right', { edge: 'end', step: 1 })),
        stay('⚑ Unsure', () => actions.flag(), { 'aria-pressed': String(span.unsure) }),
        button(span.comment ? '✎ Comment' : 'Comment', () => this.openComment())),
    ]);
  }

  /** Lets the person write a comment: Enter saves, as going elsewhere does, Shift+Enter begins a line, Escape leaves it as it was. */
  openComment() {
    const { editor } = this;
    const id = editor.activeSpan?.id;
    if (!id || this.#comment?.isConnected) return;
    const field = element('textarea', {
      rows: '2', maxlength: String(LONGEST_COMMENT), 'aria-label': 'Comment. Enter saves, Shift and Enter begin a line, Escape leaves.',
    });
    this.#comment = field;
    field.value = editor.activeSpan.comment;
    this.#keep = () => { if (editor.activeSpan?.id === id) editor.actions.comment(field.value); };
    const save = () => { this.hide(); editor.focus(); };
    const leave = () => { this.#keep = null; save(); };
    field.addEventListener('keydown', (event) => {
      event.stopPropagation(); // the keys of the editor and of Streamlit are letters in here
      if (event.isComposing) return;
      if (event.key === 'Escape') leave();
      else if (event.key === 'Enter' && !event.shiftKey) save();
      else return;
      event.preventDefault();
    });
    this.element.append(element('div', { class: 'row comment' }, field, button('Save', save)));
    field.focus();
  }

  hide() {
    if (this.element.hidden) return;
    this.element.hidden = true;
    this.#moved.disconnect();
    const keep = this.#keep;
    this.#keep = null;
    keep?.();
    this.element.replaceChildren();
  }

  #labelRow(labels) {
    const choose = this.#run((name) => this.editor.label(name));
    return element('div', { class: 'row' }, ...labels.map((label) => labelButton(label, choose)));
  }

  #run(command, stays = false) {
    return (argument) => {
      command(argument);
      this.editor.focus();
      if (stays) this.editor.walk.showBar();
    };
  }

  #show(anchor, children) {
    const bar = this.element;
    bar.replaceChildren(...children);
    bar.hidden = false;
    this.chooseTabStop();
    this.#anchor = anchor;
    this.#place();
    for (const node of [bar, bar.parentElement]) this.#moved.observe(node); // a comment makes it taller, a panel the text narrower
  }

  /** Places the bar under its anchor, above it where there is no room, always inside the scrolled pane. */
  #place() {
    const bar = this.element;
    const pane = bar.parentElement;
    const rectangle = this.#anchor();
    if (!rectangle) return; // not on the screen: an earlier state is being looked at
    const frame = pane.getBoundingClientRect();
    const left = Math.min(rectangle.left - frame.left, pane.clientWidth - bar.offsetWidth - 4);
    const fitsBelow = rectangle.bottom + 6 + bar.offsetHeight <= frame.bottom;
    const top = fitsBelow || rectangle.top - bar.offsetHeight - 6 < frame.top
      ? rectangle.bottom + 6 : rectangle.top - bar.offsetHeight - 6;
    bar.style.left = `${Math.max(4, left) + pane.scrollLeft}px`;
    bar.style.top = `${top - frame.top + pane.scrollTop}px`;
  }
}
