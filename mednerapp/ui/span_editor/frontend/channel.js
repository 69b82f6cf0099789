// Saves over a websocket that stays open, which spares each of them what a request costs. Nothing depends on it: what it cannot
// send, or gets no answer to, is posted. A save that arrives twice is stored once, since the server knows the numbers of a client.

import { fetchJson, LAST_MOMENTS } from './http.js';

const PATH = '/api/saves';
const PATIENCE = 5_000; // ms without an answer after which the connection is taken for dead
const FIRST_PAUSE = 1_000; // ms before it is opened again, doubled every time that it does not open
const LAST_PAUSE = 300_000; // ms

class Channel {
  #socket = null;
  #waiting = new Map(); // number → {url, payload, resolve, timer, repeated}
  #number = 0;
  #pause = FIRST_PAUSE;
  #notBefore = 0;

  constructor() {
    window.addEventListener('offline', () => this.#drop()); // it may look open for minutes
    for (const name of LAST_MOMENTS) window.addEventListener(name, this.#repeat);
  }

  get isOpen() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  /** Opens it for later, unless it is open or did not open a moment ago. */
  open() {
    if (this.#socket || !navigator.onLine || performance.now() < this.#notBefore) return;
    this.#notBefore = performance.now() + this.#pause;
    this.#pause = Math.min(LAST_PAUSE, this.#pause * 2);
    const address = new URL(PATH, window.location.href);
    address.protocol = address.protocol.replace('http', 'ws');
    const socket = new WebSocket(address);
    this.#socket = socket;
    socket.addEventListener('open', () => { this.#pause = FIRST_PAUSE; });
    socket.addEventListener('message', ({ data }) => this.#receive(data));
    socket.addEventListener('close', () => this.#drop(socket));
  }

  /** @returns {Promise<{status: number, body: object} | null>} null: no answer came, it may or may not have arrived */
  send(url, payload) {
    this.#number += 1;
    const number = this.#number;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#drop(), PATIENCE);
      this.#waiting.set(number, { url, payload, resolve, timer, repeated: false });
      this.#socket.send(JSON.stringify({ n: number, to: url, body: payload }));
    });
  }

  #receive(data) {
    const { n, status, body } = JSON.parse(data);
    const waiting = this.#waiting.get(n);
    if (!waiting) return;
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

  /** The page may go any moment, and with it what its connection has not sent yet: a request outlives the page. */
  #repeat = ({ type }) => {
    if (type === 'visibilitychange' && !document.hidden) return;
    for (const waiting of this.#waiting.values()) {
      if (waiting.repeated) continue;
      waiting.repeated = true;
      fetchJson(waiting.url, waiting.payload);
    }
  };
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
