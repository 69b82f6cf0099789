//# allFunctionsCalledOnLoad
// Sends edits to the server. Every edit stays in the outbox until the server acknowledges its number; one batch is in
// flight at a time; a lost answer is harmless because the server skips numbers it has seen from this client.
// What an earlier page of this tab left unsent goes first, under that page's client and numbers.

import { save } from './channel.js';
import { afterFrame, fetchJson, LAST_MOMENTS, uuid } from './http.js';
import { Outbox } from './outbox.js';

const MAX_BATCH = 200;
const MAX_HURRIED = 60; // what outlives a page has to be small: about 64 KiB, with all that is on its way
const FIRST_DELAY = 250; // ms, doubled after every failure
const LAST_DELAY = 5_000; // ms

/**
 * @typedef {{seq: number, action: string, span_id: string, step: string, phase: string, before: object | null,
 *   after: object | null}} Edit
 *
 * @typedef {object} Problem why edits are not getting through
 * @property {'offline' | 'server' | 'signed_out' | 'refused' | 'conflict' | 'submitted'} kind
 * @property {string} [message] the server's words
 * @property {number} [revision] on conflict: the server's revision
 * @property {object[]} [spans] on conflict: the server's spans, code point offsets
 */

/** The outbox of one client on one note. */
export class Transport {
  /** @type {(Edit & {client: string, base: number})[]} */
  pending = [];

  /** @type {Problem | null} */
  problem = null;

  /** How many events of others (suggestions: anything else is a conflict) `revision` counts that are not shown here. */
  unseen = 0;

  #seq = 0;
  #delay = FIRST_DELAY;
  #timer = null;
  #busy = false;
  #soon = false;
  #hurried = null; // {key, answer}: what was posted because the page might go
  #closed = false;
  #waiters = [];

  /**
   * @param {object} options
   * @param {string} options.docId
   * @param {string} [options.user]
   * @param {string} options.saveUrl
   * @param {string} options.submitUrl
   * @param {number} options.revision the revision the spans were loaded at
   * @param {() => void} options.onChange called after every change of `pending`, `problem` or `revision`
   * @param {(dropped: Edit[], message: string) => void} options.onInvalid the server refused these edits for good
   */
  constructor({ docId, user, saveUrl, submitUrl, revision, onChange, onInvalid }) {
    this.client = uuid();
    this.outbox = new Outbox({ docId, user, saveUrl, submitUrl });
    this.outbox.removeOthers();
    this.pending = this.outbox.leftovers();
    this.revision = revision;
    this.saveUrl = saveUrl;
    this.submitUrl = submitUrl;
    this.onChange = onChange;
    this.onInvalid = onInvalid;
    window.addEventListener('beforeunload', this.#warn);
    window.addEventListener('online', this.#retryNow);
    document.addEventListener('visibilitychange', this.#retryNow);
    for (const name of LAST_MOMENTS) window.addEventListener(name, this.#hurry);
    if (this.pending.length) this.#schedule(0);
  }

  /** True while only a person can decide how to go on. */
  get blocked() {
    return ['conflict', 'submitted', 'refused'].includes(this.problem?.kind);
  }

  /** Puts edits into the outbox and sends them. */
  add(edits) {
    const numbered = edits.map((edit) => ({ seq: (this.#seq += 1), ...edit }));
    this.outbox.add(this.client, this.revision, numbered);
    for (const edit of numbered) this.pending.push({ ...edit, client: this.client, base: this.revision });
    if (!this.#timer && !this.#soon) {
      this.#soon = true; // a request takes the page a few milliseconds: the frame of the key comes first
      afterFrame(() => {
        this.#soon = false;
        this.#schedule(this.#timer === null ? 0 : null);
      }, true);
    }
    afterFrame(() => this.onChange());
  }

  /** Starts over from the server's state: forgets the outbox, then sends `edits` (none: takes the server's state). */
  rebase(revision, edits) {
    this.pending = [];
    this.outbox.replace([]);
    this.problem = null;
    this.revision = revision;
    this.unseen = 0;
    this.#delay = FIRST_DELAY;
    this.add(edits);
    this.onChange(); // at once: a banner about what is over must not be pressed again
  }

  /** Tries again after a refusal that a person has looked at. */
  retry() {
    this.problem = null;
    this.#schedule(0);
    this.onChange();
  }

  /** Resolves to true once every edit is acknowledged, to false when a person has to decide something first. */
  settled() {
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
      this.#settle();
    });
  }

  /**
   * Asks the server to mark the note as done. Call after `settled()`.
   * @returns {Promise<{ok: boolean, message?: string}>} without a message the transport's `problem` says why not
   */
  async submit() {
    const { status, body } = await fetchJson(this.submitUrl, { client: this.client, revision: this.revision });
    if (status === 200) {
      this.revision = body.revision ?? this.revision;
      return { ok: true };
    }
    if (status === 409) this.#stop(body);
    else if (status === 401) this.problem = { kind: 'signed_out' };
    else return { ok: false, message: `The note is not submitted: ${body.message ?? 'the server did not answer.'}` };
    this.onChange();
    return { ok: false };
  }

  /** Ends the work on this note. What is still in the outbox is sent first. */
  close() {
    this.#closed = true;
    this.onChange = () => {};
    this.onInvalid = () => {};
    this.#settle();
  }

  #dispose() {
    this.outbox.close();
    clearTimeout(this.#timer);
    window.removeEventListener('beforeunload', this.#warn);
    window.removeEventListener('online', this.#retryNow);
    document.removeEventListener('visibilitychange', this.#retryNow);
    for (const name of LAST_MOMENTS) window.removeEventListener(name, this.#hurry);
  }

  #warn = (event) => {
    if (!this.pending.length) return;
    this.#retryNow();
    event.preventDefault();
  };

  #retryNow = () => {
    if (this.pending.length && !this.blocked) this.#schedule(0);
  };

  /** The page may go any moment: what is on its way, and what waits behind it, is posted as well, which outlives the page. */
  #hurry = ({ type }) => {
    if (type === 'visibilitychange' && !document.hidden) return;
    if (!this.#busy || this.blocked || !this.pending.length) return; // else it is sent in the usual way
    const { client, payload } = this.#batch(MAX_HURRIED);
    const key = `${client} ${payload.edits.at(-1).seq}`;
    if (key === this.#hurried?.key) return;
    const hurried = { key, answer: fetchJson(this.saveUrl, payload) };
    this.#hurried = hurried;
    hurried.answer.then(({ status }) => {
      if (status !== 200 && this.#hurried === hurried) this.#hurried = null; // it may be needed again
    });
  };

  /** @param {number | null} delay ms; null keeps the waiting timer */
  #schedule(delay) {
    if (delay === null || this.#busy) return;
    clearTimeout(this.#timer);
    if (delay) this.#timer = setTimeout(() => this.#send(), delay);
    else this.#send();
  }

  async #send() {
    this.#timer = null;
    if (this.#busy || this.blocked || !this.pending.length) return;
    this.#busy = true;
    const { client, payload } = this.#batch();
    const answer = await save(this.saveUrl, payload);
    if (answer.status === 422) await this.#hurried?.answer; // it holds edits that are about to be taken back
    this.#busy = false;
    this.#receive(answer, client, payload.edits);
    if (this.pending.length && !this.blocked) this.#schedule(this.problem ? this.#backOff() : 0);
    this.onChange();
    this.#settle();
  }

  /** The first edits that wait, all of one client. */
  #batch(most = MAX_BATCH) {
    const { client, base } = this.pending[0];
    const stop = this.pending.findIndex((edit) => edit.client !== client);
    const edits = this.pending.slice(0, Math.min(stop < 0 ? most : stop, most)).map(asSent);
    return { client, payload: { client, base_revision: client === this.client ? this.revision : base, edits } };
  }

  #receive({ status, body }, client, edits) {
    if (status === 200 && body.ack >= edits[0].seq) {
      const open = this.pending.filter((edit) => edit.client !== client || edit.seq > body.ack);
      const acknowledged = this.pending.length - open.length; // of an earlier page: they may be in `revision` already
      this.unseen += Math.max(0, body.revision - this.revision - acknowledged);
      this.pending = open;
      this.outbox.acknowledge(client, body.ack);
      this.revision = Math.max(this.revision, body.revision);
      this.problem = null;
      this.#delay = FIRST_DELAY;
    } else if (status === 409) this.#stop(body);
    else if (status === 422) this.#drop(body, client, edits[0].seq);
    else if (status === 401) this.problem = { kind: 'signed_out' };
    else if (isRefusal(status)) this.problem = { kind: 'refused', message: body.message };
    else this.problem = { kind: status ? 'server' : 'offline' };
  }

  #backOff() {
    if (this.problem.kind === 'signed_out') return LAST_DELAY;
    const delay = this.#delay;
    this.#delay = Math.min(LAST_DELAY, delay * 2);
    return delay;
  }

  #stop({ error, message, revision, spans }) {
    this.problem = { kind: error === 'submitted' ? 'submitted' : 'conflict', message, revision, spans };
  }

  /** Takes a refused edit out of the outbox, and with it the later edits of the same span, which build on it. */
  #drop({ seq, message }, client, firstSeq) {
    const at = Math.max(0, this.pending.findIndex((edit) => edit.client === client && edit.seq === (seq ?? firstSeq)));
    const falls = (edit, i) => i >= at && edit.span_id === this.pending[at].span_id;
    const dropped = this.pending.filter(falls);
    this.pending = this.pending.filter((edit, i) => !falls(edit, i));
    this.outbox.replace(this.pending);
    this.problem = null;
    for (const resolve of this.#waiters.splice(0)) resolve(false); // whoever waits to submit meant other spans
    this.onInvalid(dropped, message ?? 'The server refused this edit.');
  }

  #settle() {
    const done = !this.pending.length;
    if (done || this.blocked) {
      for (const resolve of this.#waiters.splice(0)) resolve(done);
    }
    if (this.#closed && (done || this.blocked)) this.#dispose();
  }
}

/** Whether sending the same again is pointless until something else has changed (403, 404, 413 …). */
const isRefusal = (status) => status >= 400 && status < 500 && status !== 408 && status !== 429;

const asSent = ({ client, base, ...edit }) => edit;
