// Every key of the editor in one table: it drives the keyboard and fills the help.

/**
 * @typedef {object} Key
 * @property {string[]} names values of KeyboardEvent.key, lower case for letters
 * @property {boolean} [chord] with Ctrl (or Cmd)
 * @property {boolean} [shift] with Shift; left out: either way
 * @property {string} command name of the SpanEditor method
 * @property {any} [argument] its argument
 * @property {boolean} [edits] not available when the note is read-only
 * @property {string} [keys] how the help writes the keys
 * @property {string} [help] what the help says; left out: the line of another key covers it
 */

/** @type {Key[]} */
export const KEYS = [
  { names: ['tab'], shift: false, command: 'move', argument: 1, keys: 'Tab or →', help: 'next span' },
  { names: ['tab'], shift: true, command: 'move', argument: -1, keys: 'Shift+Tab or ←', help: 'previous span' },
  { names: ['arrowright'], command: 'move', argument: 1 },
  { names: ['arrowleft'], command: 'move', argument: -1 },
  { names: ['n'], command: 'goToSuggestion', keys: 'N', help: 'next suggestion that nobody has looked at' },
  { names: ['a', 'enter'], edits: true, command: 'accept', keys: 'A or Enter', help: 'accept, go to the next suggestion' },
  { names: ['r'], edits: true, command: 'reject', keys: 'R', help: 'reject, go to the next suggestion' },
  { names: ['delete', 'backspace'], edits: true, command: 'remove', keys: 'Delete', help: 'delete the span' },
  { names: ['z'], chord: true, shift: false, edits: true, command: 'undo', keys: 'Ctrl+Z', help: 'undo' },
  { names: ['z'], chord: true, shift: true, edits: true, command: 'redo', keys: 'Ctrl+Shift+Z or Ctrl+Y', help: 'redo' },
  { names: ['y'], chord: true, edits: true, command: 'redo' },
  { names: ['enter'], chord: true, edits: true, command: 'submit', keys: 'Ctrl+Enter', help: 'submit the note, open the next' },
  { names: ['escape'], command: 'clear', keys: 'Escape', help: 'clear the selection, close what is open' },
  { names: ['?'], command: 'toggleHelp', keys: '?', help: 'show or hide this list' },
];

/** What the help says about keys and gestures that are not in the table. */
export const GESTURES = [
  ['1 – 9', 'give the label to the selected text, or to the active span'],
  ['Drag or double-click', 'select text; it snaps to whole words'],
  ['Alt while releasing', 'select exactly these characters'],
  ['Click on a span', 'make it active; click again for the span around it'],
];

/** @param {KeyboardEvent} event
 *  @returns {Key | undefined} */
export function keyOf(event) {
  if (event.altKey) return undefined;
  const name = event.key.toLowerCase();
  const chord = event.ctrlKey || event.metaKey;
  return KEYS.find((key) => key.names.includes(name) && Boolean(key.chord) === chord
    && (key.shift === undefined || key.shift === event.shiftKey));
}
