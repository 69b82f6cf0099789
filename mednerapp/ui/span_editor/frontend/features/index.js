// What the editor can do besides editing spans; each feature is a class with its own keys and, mostly, a side panel.

/**
 * @typedef {object} Feature constructed with the editor, once
 * @property {Record<string, (argument: any) => boolean | void>} [commands] 'find.open' in a key's row is `commands.open`
 * @property {(data: import('../data.js').EditorData) => void} [load] another note is shown
 * @property {() => void} [refresh] spans, active span or saved state have changed; O(1) while its panel is closed
 */

/** @type {(new (editor: import('../editor.js').SpanEditor) => Feature)[]} with `static keys`, rows of the table of keys.js */
export const FEATURES = [];
