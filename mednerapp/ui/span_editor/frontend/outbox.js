//# allFunctionsCalledOnLoad
// A copy of the unsent edits in sessionStorage, so that a reload while the network is away loses nothing. It holds ids, offsets,
// labels, attributes and comments, never text of a note; an entry goes as soon as it is acknowledged or somebody else signs in.
// It is written after the frame of the key, and at once when the page is hidden (no frames then) or about to go.
// A duplicated tab gets a copy of the entries: it sends the same numbers under the same client, which changes nothing.

import { afterFrame, LAST_MOMENTS } from './http.js';

const PREFIX = 'medner.outbox:';

/**
 * What one key of the person put into the outbox.
 * @typedef {object} Entry
 * @property {string} user
 * @property {string} docId
 * @property {string} saveUrl
 * @property {string} submitUrl
 * @property {string} client
 * @property {number} base revision that the edits build on
 * @property {import('./transport.js').Edit[]} edits
 */

export class Outbox {
  #unwritten = [];

  /** @param {{user?: string, docId: string, saveUrl: string, submitUrl: string}} of */
  constructor({ user = '', docId, saveUrl, submitUrl }) {
    this.of = { user, docId, saveUrl, submitUrl };
    for (const name of LAST_MOMENTS) window.addEventListener(name, this.flush);
  }

  /** Nothing more will be added. */
  close() {
    this.flush();
    for (const name of LAST_MOMENTS) window.removeEventListener(name, this.flush);
  }

  /** Writes what was added since the last frame. */
  flush = () => {
    for (const { key, entry } of this.#unwritten.splice(0)) write(key, entry);
  };

  /** Edits of this note that an earlier page did not get through, oldest first, each with its client and base. */
  leftovers() {
    return flat(entries().filter(({ entry }) => entry.docId === this.of.docId));
  }

  /** Notes other than this one that have unsent edits: what a transport needs to send them. */
  elsewhere() {
    const others = entries().filter(({ entry }) => entry.docId !== this.of.docId);
    return [...new Set(others.map(({ entry }) => entry.docId))].map((docId) => others.find(({ entry }) => entry.docId === docId).entry);
  }

  /** Forgets what another person left behind. */
  removeOthers() {
    for (const { key, entry } of entries()) if (entry.user !== this.of.user) remove(key);
  }

  add(client, base, edits) {
    if (!edits.length) return;
    const entry = { ...this.of, client, base, edits, at: Date.now() };
    this.#unwritten.push({ key: `${PREFIX}${this.of.docId}:${client}:${edits[0].seq}`, entry });
    if (this.#unwritten.length === 1) afterFrame(this.flush);
  }

  /** The server has everything of this client up to this number. */
  acknowledge(client, ack) {
    this.flush();
    for (const { key, entry } of entries()) {
      if (entry.docId !== this.of.docId || entry.client !== client) continue;
      if (entry.edits.at(-1).seq <= ack) remove(key);
    }
  }

  /** These are the unsent edits now, and no others. @param {(import('./transport.js').Edit & {client: string, base: number})[]} pending */
  replace(pending) {
    this.flush();
    for (const { key, entry } of entries()) if (entry.docId === this.of.docId) remove(key);
    for (const { client, base, ...edit } of pending) this.add(client, base, [edit]);
  }
}

function flat(found) {
  return found
    .sort((a, b) => a.at - b.at || a.entry.edits[0].seq - b.entry.edits[0].seq)
    .flatMap(({ entry: { client, base, edits } }) => edits.map((edit) => ({ ...edit, client, base })));
}

function entries() {
  const found = [];
  try {
    for (let i = 0; i < sessionStorage.length; i += 1) {
      const key = sessionStorage.key(i);
      if (!key.startsWith(PREFIX)) continue;
      const entry = JSON.parse(sessionStorage.getItem(key));
      found.push({ key, entry, at: entry.at });
    }
  } catch {
    return []; // storage can be switched off; then a reload asks before it loses what is unsent
  }
  return found;
}

function write(key, entry) {
  try {
    sessionStorage.setItem(key, JSON.stringify(entry));
  } catch {
    // switched off or full: as above
  }
}

function remove(key) {
  try {
    sessionStorage.removeItem(key);
  } catch {
    // switched off
  }
}
