//# allFunctionsCalledOnLoad
// Requests to the server that the page came from.

// After each of these a page may be gone; the first bubbles up from the document.
export const LAST_MOMENTS = ['visibilitychange', 'beforeunload', 'pagehide'];

const REQUEST_TIMEOUT = 20_000; // ms
const KEEPALIVE_BYTES = 60_000; // browsers refuse keepalive bodies beyond 64 KiB in all

/**
 * Reads or posts JSON.
 * @param {string} url
 * @param {object} [payload] left out: GET
 * @returns {Promise<{status: number, body: object}>} status 0: no answer came
 */
export async function fetchJson(url, payload) {
  const json = payload && JSON.stringify(payload);
  const post = json === undefined ? {} : {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: json,
    keepalive: json.length * 3 < KEEPALIVE_BYTES || new TextEncoder().encode(json).length < KEEPALIVE_BYTES,
  };
  try {
    const response = await fetch(url, { ...post, signal: AbortSignal.timeout(REQUEST_TIMEOUT) });
    const body = await response.json().catch(() => null);
    return { status: response.ok && !body ? 0 : response.status, body: body ?? {} };
  } catch {
    return { status: 0, body: {} };
  }
}

const FRAME_LIMIT = 50; // ms; a hidden page draws no frames
const channel = new MessageChannel();
let queue = [];
let turn = 0;
let limit = null;

/**
 * Runs something right after the next frame is painted, so that what a key changes in the text is seen first; in the order of the calls.
 * @param {() => void} run
 * @param {boolean} [first] before what waits already: a request, whose answer takes its time
 */
export function afterFrame(run, first = false) {
  if (first) queue.unshift(run);
  else queue.push(run);
  if (queue.length > 1) return;
  const current = turn;
  limit = setTimeout(() => runQueue(current), FRAME_LIMIT);
  requestAnimationFrame(() => channel.port2.postMessage(current));
}

channel.port1.onmessage = ({ data }) => runQueue(data);

function runQueue(of) {
  if (of !== turn) return; // the limit came first
  clearTimeout(limit);
  turn += 1;
  const now = queue;
  queue = [];
  for (const run of now) {
    try {
      run();
    } catch (error) {
      reportError(error); // one of them must not take the others along
    }
  }
}

/** Runs something when the browser has nothing better to do, half a second from now at the latest. */
export function whenIdle(run) {
  return window.requestIdleCallback ? requestIdleCallback(run, { timeout: 500 }) : setTimeout(run, 50);
}

/** A random version 4 UUID; `crypto.randomUUID` exists only on https and localhost. */
export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
