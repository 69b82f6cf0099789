//# allFunctionsCalledOnLoad
// Every key of the editor in one table: it drives the keyboard and fills the help. Features bring rows of their own.

/**
 * @typedef {object} Key
 * @property {string[]} names values of KeyboardEvent.key, lower case for letters
 * @property {boolean} [chord] with Ctrl (or Cmd)
 * @property {boolean} [alt] with Alt; letters are then told by their place on the keyboard, since Alt writes other characters
 * @property {boolean} [shift] with Shift; left out: either way
 * @property {string} command `part.method`: a part of the editor (or a feature) and its method; true or nothing: the key was used
 * @property {any} [argument] its argument
 * @property {boolean} [edits] not available when the note is read-only
 * @property {string} [keys] how the help writes the keys
 * @property {string} [help] what the help says; left out: the line of another key covers it
 * @property {string} [group] where the help has it, see GROUPS
 */

const cursor = (names, command, argument, rest = {}) => [
  { names, command: `cursor.${command}`, argument: { ...argument, extend: false }, shift: false, ...rest },
  { names, command: `cursor.${command}`, argument: { ...argument, extend: true }, shift: true, chord: rest.chord },
];
const edge = (name, step, keys, help) => [
  { names: [name], edits: true, shift: false, command: 'actions.resize', argument: { edge: 'end', step }, keys, help },
  { names: [name], edits: true, shift: true, command: 'actions.resize', argument: { edge: 'start', step } },
  { names: [name], edits: true, alt: true, shift: false, command: 'actions.resize', argument: { edge: 'end', step, exact: true } },
  { names: [name], edits: true, alt: true, shift: true, command: 'actions.resize', argument: { edge: 'start', step, exact: true } },
];
const assertion = (name, value) => ({
  names: [name], shift: false, edits: true, command: 'actions.assert', argument: value, keys: name.toUpperCase(), help: value,
});

/** The parts of the help, in order. */
export const GROUPS = Object.freeze({
  walk: 'Going through the note', mark: 'Marking', bulk: 'Many places at once', panels: 'Beside the text', view: 'View and links',
});

/** The part of the help that has a key: its own, or that of its command. */
export const groupOf = ({ group, command }) => group ?? { walk: 'walk', cursor: 'walk', side: 'panels', keyboard: 'view' }[command.split('.')[0]] ?? 'mark';

/** @type {Key[]} */
export const KEYS = [
  { names: ['tab'], shift: false, command: 'walk.move', argument: 1, keys: 'Tab or →', help: 'next span' },
  { names: ['tab'], shift: true, command: 'walk.move', argument: -1, keys: 'Shift+Tab or ←', help: 'previous span' },
  { names: ['arrowright'], command: 'walk.move', argument: 1 },
  { names: ['arrowleft'], command: 'walk.move', argument: -1 },
  { names: ['n'], shift: false, command: 'walk.goToSuggestion', keys: 'N', help: 'next suggestion that nobody has looked at' },
  { names: ['enter'], command: 'cursor.enter' },
  { names: ['a'], shift: false, edits: true, command: 'actions.accept', keys: 'A or Enter', help: 'accept, go to the next suggestion' },
  { names: ['enter'], shift: false, edits: true, command: 'actions.accept' },
  { names: ['enter'], shift: true, edits: true, command: 'actions.acceptWhole', keys: 'Shift+Enter', help: 'accept with the assertion that is suggested' },
  { names: ['r'], shift: false, edits: true, command: 'actions.reject', keys: 'R', help: 'reject, go to the next suggestion' },
  { names: ['delete', 'backspace'], edits: true, command: 'actions.remove', keys: 'Delete', help: 'delete the span' },
  ...cursor(['arrowright'], 'move', { step: 1 }, { chord: true, keys: 'Ctrl+← →', help: 'word cursor: a word left or right' }),
  ...cursor(['arrowleft'], 'move', { step: -1 }, { chord: true }),
  ...cursor(['arrowdown'], 'line', { step: 1 }, { keys: '↑ ↓', help: 'word cursor: a line up or down' }),
  ...cursor(['arrowup'], 'line', { step: -1 }),
  ...cursor(['arrowdown'], 'sentence', { step: 1 }, { chord: true, keys: 'Ctrl+↑ ↓', help: 'word cursor: a sentence up or down' }),
  ...cursor(['arrowup'], 'sentence', { step: -1 }, { chord: true }),
  ...cursor(['end'], 'lineEnd', { step: 1 }, { keys: 'Home, End', help: 'word cursor: ends of the line' }),
  ...cursor(['home'], 'lineEnd', { step: -1 }),
  ...cursor(['end'], 'textEnd', { step: 1 }, { chord: true, keys: 'Ctrl+Home, Ctrl+End', help: 'word cursor: ends of the note' }),
  ...cursor(['home'], 'textEnd', { step: -1 }, { chord: true }),
  ...edge('j', -1, 'J', 'end of the span a word to the left'),
  ...edge('k', 1, 'K', 'end of the span a word to the right'),
  assertion('p', 'present'), assertion('x', 'absent'), assertion('o', 'possible'), assertion('c', 'conditional'),
  assertion('h', 'historical'), assertion('f', 'family'),
  { names: ['u'], shift: false, edits: true, command: 'actions.flag', keys: 'U', help: 'unsure: somebody should look again' },
  { names: ['m'], shift: false, edits: true, command: 'actions.openComment', keys: 'M', help: 'comment on the span' },
  { names: ['z'], chord: true, shift: false, edits: true, command: 'actions.undo', keys: 'Ctrl+Z', help: 'undo' },
  { names: ['z'], chord: true, shift: true, edits: true, command: 'actions.redo', keys: 'Ctrl+Shift+Z or Ctrl+Y', help: 'redo' },
  { names: ['y'], chord: true, edits: true, command: 'actions.redo' },
  { names: ['enter'], chord: true, edits: true, command: 'actions.submit', keys: 'Ctrl+Enter', help: 'submit the note, open the next' },
  { names: ['f6'], command: 'side.switchFocus', keys: 'F6', help: 'to the panel beside the text and back' },
  { names: ['escape'], command: 'walk.clear', keys: 'Escape', help: 'clear the selection, close what is open' },
  { names: ['?'], command: 'keyboard.toggleHelp', keys: '?', help: 'show or hide this list' },
];

/** What the help says about keys and gestures that are not in the table: part of the help, keys, words. */
export const GESTURES = [
  ['mark', '1 – 9', 'give the label to the selected text, the word under the cursor or the active span'],
  ['walk', 'Shift + a cursor key', 'extend the selection'],
  ['walk', 'Enter on the word cursor', 'make the span there active'],
  ['mark', 'Shift+J, Shift+K', 'start of the span; with Alt (both edges) by one character'],
  ['mark', 'P X O C H F again', 'take the assertion away; on a suggested one the same key confirms it'],
  ['mark', 'Drag or double-click', 'select text; it snaps to whole words'],
  ['mark', 'Alt while releasing', 'select exactly these characters'],
  ['walk', 'Click on a span', 'make it active; click again for the span around it'],
];

/** The rows of a table by the names of their keys, each in the order of the table.
 *  @param {Key[]} table
 *  @returns {Map<string, Key[]>} */
export function byName(table) {
  const rows = new Map();
  for (const key of table) for (const name of key.names) rows.set(name, [...(rows.get(name) ?? []), key]);
  return rows;
}

/** The rows that a pressed key may mean, in the order of the table.
 *  @param {KeyboardEvent} event
 *  @param {Map<string, Key[]>} rows by name
 *  @returns {Key[]} */
export function keysOf(event, rows) {
  const alone = event.altKey && /^Key[A-Z]$/.test(event.code) ? event.code[3] : event.key;
  const chord = event.ctrlKey || event.metaKey;
  return (rows.get(alone.toLowerCase()) ?? []).filter((key) => Boolean(key.chord) === chord
    && Boolean(key.alt) === event.altKey && (key.shift === undefined || key.shift === event.shiftKey));
}
