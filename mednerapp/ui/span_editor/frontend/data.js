// The shape of what Python sends.

/**
 * What Python sends. Offsets are code points.
 * @typedef {object} EditorData
 * @property {string} docId
 * @property {number | null} [noteId]
 * @property {number} epoch the editor reloads when docId or epoch changes, and at no other time; with the epoch as soon
 *   as every edit is saved and `spans` are no older than the last of them
 * @property {number} visit echoed in `submitted` and `skipped`
 * @property {string} text
 * @property {{name: string, key: string, color: string, description: string}[]} labels
 * @property {object[]} spans on the wire, see wire.js
 * @property {number} revision
 * @property {string} saveUrl
 * @property {string} submitUrl
 * @property {string} [apiUrl] of the annotation: history, revision, timeline, at, sources, underlay hang below it
 * @property {string} [projectUrl]
 * @property {string} [bulkUrl]
 * @property {boolean} readOnly
 * @property {number | null} height of the text pane in pixels; null: what the window leaves
 * @property {{start: number, end: number, assertion: string, trigger: [number, number]}[]} [scopes] see assertions.js
 * @property {{title: string, start: number}[]} [outline]
 * @property {Record<string, string>} [guidelines]
 * @property {{span: string} | {start: number, end: number} | null} [focus] what is active when the note opens
 * @property {string} [compare] id of the source that lies under the text when the note opens
 * @property {boolean} [blind]
 * @property {string} [user] who is signed in
 * @property {boolean} [canReview]
 */

export {};
