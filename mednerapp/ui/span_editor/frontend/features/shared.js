// What several features need: places in context, counts in words, lists walked with the arrow keys.

import { element } from '../elements.js';
import { lowerBound } from '../offsets.js';

const CONTEXT = 40; // UTF-16 units shown on either side of a place

/** @type {WeakMap<object, Record<string, object>>} the features of an editor that others of them call */
const registered = new WeakMap();

/** Lets other features of the same editor find this one. */
export function offer(editor, name, feature) {
  registered.set(editor, { ...registered.get(editor), [name]: feature });
}

/** @returns {any} a feature of this editor, null where it is not there */
export const featureOf = (editor, name) => registered.get(editor)?.[name] ?? null;

/** "1 place", "12 places". */
export const count = (number, one, many = `${one}s`) => `${number} ${number === 1 ? one : many}`;

/** The text around [start, end), UTF-16, cut at no surrogate pair. */
export function context(text, start, end) {
  const from = Math.max(0, start - CONTEXT);
  const to = Math.min(text.length, end + CONTEXT);
  const whole = (unit) => (unit > 0 && unit < text.length && text.codePointAt(unit - 1) > 0xffff ? unit + 1 : unit);
  return {
    before: (from > 0 ? '…' : '') + text.slice(whole(from), start),
    mention: text.slice(start, end),
    after: text.slice(end, whole(to)) + (to < text.length ? '…' : ''),
  };
}

/** A place in its context, on one line. */
export function contextLine({ before, mention, after }) {
  const line = (words) => words.replace(/\s+/gu, ' ');
  return element('span', { class: 'context' }, line(before), element('b', { class: 'mention' }, line(mention)), line(after));
}

/** The section header that an offset lies under, '' where there is none. */
export function sectionAt(outline, offset) {
  return outline[lowerBound(outline.length, (i) => outline[i].start <= offset) - 1]?.title ?? '';
}

/** The outline of a note in UTF-16 units. */
export function outlineOf(editor) {
  const { outline = [] } = editor.data;
  return outline.map(({ title, start }) => ({ title, start: editor.wire.rangeFromWire({ start, end: start }).start }));
}

/** A labelled form control; wraps it, so that a click on the words reaches it. */
export const field = (words, control, attributes = {}) =>
  element('label', { class: 'field', ...attributes }, element('span', {}, words), control);

/** A choice of names; `value` is chosen. */
export function select(names, value, onchange) {
  const control = element('select', { onchange: () => onchange(control.value) },
    ...names.map((name) => {
      const [key, words] = Array.isArray(name) ? name : [name, name];
      return element('option', { value: key, selected: key === value }, words);
    }));
  return control;
}

/** A few choices side by side, one of them chosen. */
export function choices(legend, name, options, value, onchange) {
  const radios = options.map(([key, words]) => {
    const radio = element('input', { type: 'radio', name, value: key, checked: key === value, onchange: () => onchange(key) });
    return element('label', { class: 'choice' }, radio, words);
  });
  return element('fieldset', { class: 'choices' }, element('legend', {}, legend), ...radios);
}

/** Writes a text only if it is another one: a live region must not speak twice. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Up, down, Home and End go through the rows of a list; a row is the first thing in an item that takes the focus. */
export function walkable(list) {
  list.addEventListener('keydown', (event) => {
    const rows = [...list.children].map((item) => item.querySelector('input, button, a')).filter((row) => row && !row.disabled);
    const at = rows.findIndex((row) => row === list.getRootNode().activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to === undefined || at < 0) return;
    rows[Math.min(rows.length - 1, Math.max(0, to))].focus();
    event.preventDefault();
    event.stopPropagation();
  });
  return list;
}
