// Sends edits to the server. Every edit stays in the outbox until the server acknowledges its number; one batch is in
// flight at a time; a lost answer is harmless because the server skips numbers it has seen from this client.

const MAX_BATCH = 200;
const KEEPALIVE_BYTES = 60_000; // browsers refuse keepalive bodies beyond 64 KiB in all
const REQUEST_TIMEOUT = 20_000; // ms
const FIRST_DELAY = 250; // ms, doubled after every failure
const LAST_DELAY = 5_000; // ms

/**
 * @typedef {{seq: number, action: string, span_id: string, before: object | null, after: object | null}} Edit
 *
 * @typedef {object} Problem why edits are not getting through
 * @property {'offline' | 'server' | 'signed_out' | 'refused' | 'conflict' | 'submitted'} kind
 * @property {string} [message] the server's words
 * @property {number} [revision] on conflict: the server's revision
 * @property {object[]} [spans] on conflict: the server's spans, code point offsets
 */

/** The outbox of one client on one note. */
export class Transport {
  /** @type {Edit[]} */
  pending = [];

  /** @type {Problem | null} */
  problem = null;

  #seq = 0;
  #delay = FIRST_DELAY;
  #timer = null;
  #busy = false;
  #closed = false;
  #waiters = [];

  /**
   * @param {object} options
   * @param {string} options.saveUrl
   * @param {string} options.submitUrl
   * @param {number} options.revision the revision the spans were loaded at
   * @param {() => void} options.onChange called after every change of `pending`, `problem` or `revision`
   * @param {(dropped: Edit[], message: string) => void} options.onInvalid the server refused these edits for good
   */
  constructor({ saveUrl, submitUrl, revision, onChange, onInvalid }) {
    this.client = uuid();
    this.revision = revision;
    this.saveUrl = saveUrl;
    this.submitUrl = submitUrl;
    this.onChange = onChange;
    this.onInvalid = onInvalid;
    window.addEventListener('beforeunload', this.#warn);
    window.addEventListener('online', this.#retryNow);
    document.addEventListener('visibilitychange', this.#retryNow);
  }

  /** True while only a person can decide how to go on. */
  get blocked() {
    return ['conflict', 'submitted', 'refused'].includes(this.problem?.kind);
  }

  /** Puts edits into the outbox and sends them. */
  add(edits) {
    for (const edit of edits) this.pending.push({ seq: (this.#seq += 1), ...edit });
    this.#schedule(this.#timer === null ? 0 : null);
    this.onChange();
  }

  /** Starts over from the server's state: forgets the outbox, then sends `edits` (none: takes the server's state). */
  rebase(revision, edits) {
    this.pending = [];
    this.problem = null;
    this.revision = revision;
    this.#delay = FIRST_DELAY;
    this.add(edits);
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
    const { status, body } = await post(this.submitUrl, { client: this.client, revision: this.revision });
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
    clearTimeout(this.#timer);
    window.removeEventListener('beforeunload', this.#warn);
    window.removeEventListener('online', this.#retryNow);
    document.removeEventListener('visibilitychange', this.#retryNow);
  }

  #warn = (event) => {
    if (!this.pending.length) return;
    this.#retryNow();
    event.preventDefault();
  };

  #retryNow = () => {
    if (this.pending.length && !this.blocked) this.#schedule(0);
  };

  /** @param {number | null} delay ms; null keeps the waiting timer */
  #schedule(delay) {
    if (delay === null || this.#busy) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#send(), delay);
  }

  async #send() {
    this.#timer = null;
    if (this.#busy || this.blocked || !this.pending.length) return;
    this.#busy = true;
    const edits = this.pending.slice(0, MAX_BATCH);
    const answer = await post(this.saveUrl, { client: this.client, base_revision: this.revision, edits });
    this.#busy = false;
    this.#receive(answer, edits);
    if (this.pending.length && !this.blocked) this.#schedule(this.problem ? this.#backOff() : 0);
    this.onChange();
    this.#settle();
  }

  #receive({ status, body }, edits) {
    if (status === 200 && body.ack >= edits[0].seq) {
      this.pending = this.pending.filter((edit) => edit.seq > body.ack);
      this.revision = body.revision;
      this.problem = null;
      this.#delay = FIRST_DELAY;
    } else if (status === 409) this.#stop(body);
    else if (status === 422) this.#drop(body, edits[0].seq);
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
  #drop({ seq, message }, firstSeq) {
    const refused = this.pending.find((edit) => edit.seq === (seq ?? firstSeq)) ?? this.pending[0];
    const falls = (edit) => edit.span_id === refused.span_id && edit.seq >= refused.seq;
    const dropped = this.pending.filter(falls);
    this.pending = this.pending.filter((edit) => !falls(edit));
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

/** @returns {Promise<{status: number, body: object}>} status 0: no answer came */
async function post(url, payload) {
  const json = JSON.stringify(payload);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: json,
      keepalive: new TextEncoder().encode(json).length < KEEPALIVE_BYTES,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT),
    });
    const body = await response.json().catch(() => null);
    return { status: response.ok && !body ? 0 : response.status, body: body ?? {} };
  } catch {
    return { status: 0, body: {} };
  }
}

/** A random version 4 UUID; `crypto.randomUUID` exists only on https and localhost. */
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
