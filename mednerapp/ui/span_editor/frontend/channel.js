//# allFunctionsCalledOnLoad
// Saves over a websocket that stays open, which spares each of them what a request costs. Nothing depends on it: what it cannot
// send, or gets no answer to, is posted. A save that arrives twice is stored once, since the server knows the numbers of a client.

import { fetchJson } from './http.js';

const PATH = '/api/saves';
const PATIENCE = 5_000; // ms without an answer after which the connection is taken for dead
const FIRST_PAUSE = 1_000; // ms before it is opened again, doubled as long as no answer comes over it
const DEAF_PAUSE = 60_000; // ms, at least, after one that was open and did not answer
const LAST_PAUSE = 600_000; // ms
const SIGNED_OUT = 401;

class Channel {
  #socket = null;
  #waiting = new Map(); // number → {resolve, timer}
  #number = 0;
  #pause = FIRST_PAUSE;
  #notBefore = 0;

  constructor() {
    window.addEventListener('offline', () => this.#drop()); // it may look open for minutes
  }

  get isOpen() {
    return this.#socket !== null && this.#socket.readyState === WebSocket.OPEN;
  }

  /** Opens it for later, unless it is open or did not do a moment ago. */
  open() {
    if (this.#socket || !navigator.onLine || performance.now() < this.#notBefore) return;
    this.#rest(0);
    const address = new URL(PATH, window.location.href);
    address.protocol = address.protocol.replace('http', 'ws');
    let socket;
    try {
      socket = new WebSocket(address);
    } catch {
      return; // a policy or an extension forbids it
    }
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#receive(data));
    socket.addEventListener('close', () => this.#drop(socket));
  }

  #rest(least) {
    const pause = Math.max(this.#pause, least);
    this.#notBefore = performance.now() + pause;
    this.#pause = Math.min(LAST_PAUSE, pause * 2);
  }

  /** @returns {Promise<{status: number, body: object} | null>} null: no answer came, it may or may not have arrived */
  send(url, payload) {
    this.#number += 1;
    const number = this.#number;
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#rest(DEAF_PAUSE);
        this.#drop();
      }, PATIENCE);
      this.#waiting.set(number, { resolve, timer });
      try {
        this.#socket.send(JSON.stringify({ n: number, to: url, body: payload }));
      } catch {
        this.#drop();
      }
    });
  }

  #receive(data) {
    const { n, status, body } = parsed(data);
    const waiting = this.#waiting.get(n);
    if (!waiting) return;
    // Its session is over, and may be another one by now; or it speaks another language. A request tells.
    if (status === SIGNED_OUT || !Number.isInteger(status) || !body) {
      this.#drop();
      return;
    }
    this.#pause = FIRST_PAUSE;
    this.#waiting.delete(n);
    clearTimeout(waiting.timer);
    waiting.resolve({ status, body });
  }

  /** @param {WebSocket} [of] which one is over; left out: the one that there is */
  #drop(of = this.#socket) {
    if (!of || of !== this.#socket) return;
    this.#socket = null;
    of.close();
    const lost = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { resolve, timer } of lost) {
      clearTimeout(timer);
      resolve(null);
    }
  }
}

function parsed(data) {
  try {
    return JSON.parse(data) ?? {};
  } catch {
    return {};
  }
}

const channel = new Channel();

/**
 * Stores edits: over the channel where it is open, else by a request.
 * @param {string} url
 * @param {object} payload
 * @returns {Promise<{status: number, body: object}>} status 0: no answer came
 */
export async function save(url, payload) {
  const answer = channel.isOpen ? await channel.send(url, payload) : null;
  if (answer) return answer;
  const posted = await fetchJson(url, payload);
  if (posted.status === 200) channel.open();
  return posted;
}
