// Runs before any script of a measured page. `__bench` times one key: from the keydown event (its timeStamp, the time at
// which the browser had it) to the first task after the next frame was drawn (`painted`) or, if it is asked for, to the first one
// after the frame that shows what the page's own tasks have done right after that (`completed`).
(() => {
  const MODIFIERS = ['Control', 'Shift', 'Alt', 'Meta'];
  const channel = new MessageChannel();
  const behind = new MessageChannel(); // what is posted to it runs after the tasks that wait already
  let armed = null;
  let saving = null;
  channel.port1.onmessage = () => {
    const { resolve, sample, whole } = armed;
    const since = performance.now() - sample.at;
    if (sample.painted === undefined) sample.painted = since;
    else sample.completed = since;
    if (whole && sample.completed === undefined) behind.port2.postMessage(0);
    else {
      armed = null;
      resolve(sample);
    }
  };
  behind.port1.onmessage = () => requestAnimationFrame(() => channel.port2.postMessage(0));
  let chosen = null; // see choose()
  const afterPaint = () => requestAnimationFrame(() => {
    // It may draw later, in a frame of its own; what has not drawn in a second never does.
    if (armed.until?.() === false && performance.now() - armed.sample.at < 1000) afterPaint();
    else channel.port2.postMessage(0);
  });
  const started = (event) => {
    if (!armed || armed.sample || MODIFIERS.includes(event.key)) return;
    armed.sample = { at: event.timeStamp, waited: performance.now() - event.timeStamp };
    afterPaint();
  };
  for (const type of ['keydown', 'pointerup', 'bench']) window.addEventListener(type, started, true);

  // Event Timing: the browser's own figure for the same key, in steps of 8 ms, for events of 16 ms and more.
  const timings = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (entry.name === 'keydown') timings.push([entry.startTime, entry.duration]);
  }).observe({ type: 'event', durationThreshold: 16 });

  // Saves: from a keydown to the moment at which the page has read the server's answer, to a request or over the channel.
  const answered = (status, at = performance.now()) => {
    if (saving?.at === undefined) return;
    saving.resolve({ acknowledged: at - saving.at, status });
    saving = null;
  };
  const listen = WebSocket.prototype.addEventListener;
  WebSocket.prototype.addEventListener = function addEventListener(type, handle, ...options) {
    const ours = type === 'message' && new URL(this.url).pathname === '/api/saves';
    const handler = !ours ? handle : (event) => {
      handle(event);
      const at = performance.now();
      answered(JSON.parse(event.data).status, at);
    };
    listen.call(this, type, handler, ...options);
  };
  const original = window.fetch.bind(window);
  window.fetch = async (input, options) => {
    const response = await original(input, options);
    const path = new URL(typeof input === 'string' ? input : input.url ?? input, location.href).pathname;
    if (/\/edits$|^\/bench\/row$/.test(path) && options?.method === 'POST') {
      for (const name of ['json', 'text']) {
        const read = response[name].bind(response);
        response[name] = async () => {
          const body = await read();
          answered(response.status);
          return body;
        };
      }
    }
    return response;
  };
  window.addEventListener('keydown', (event) => {
    if (saving && saving.at === undefined && !MODIFIERS.includes(event.key)) saving.at = event.timeStamp;
    if (event.key === 'F8' && chosen) {
      event.preventDefault();
      event.stopImmediatePropagation(); // nobody else sees it: what it costs is the page, not a handler
      chosen.classList.toggle('active');
      return;
    }
    if (event.key !== 'F9' || !saving) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    original('/bench/row', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: saving.body, keepalive: true })
      .then((response) => response.json().then(() => response.status))
      .then((status) => answered(status));
  }, true);

  window.__bench = {
    modifiers: MODIFIERS,
    /** Waits for the next key; `whole`: two frames of it. That one upsets the rhythm of the keys after it, so do not mix them. */
    arm(until = null, whole = false) {
      window.__benchSample = new Promise((resolve) => { armed = { resolve, until, whole, sample: null }; });
    },
    sample: () => window.__benchSample,
    /** From now on F8 does to the active span's element what the plain page's key does to its own, and nothing else. */
    choose() {
      chosen = this.root().querySelector('.text mark.active');
      if (!chosen) throw new Error('No span is active.');
    },
    /** Times a call instead of a key, to the frame in which `until` holds. */
    async call(work, until = null) {
      this.arm(until);
      window.dispatchEvent(new Event('bench'));
      await work();
      return this.sample();
    },
    armSave(body) {
      window.__benchSave = new Promise((resolve) => { saving = { resolve, body }; });
    },
    save: () => window.__benchSave,
    /** Durations that Event Timing gave, of the keys at these times (0: under 16 ms). */
    timings: (times) => times.map((at) => timings.find(([start]) => Math.abs(start - at) < 1)?.[1] ?? 0),
    hook() {
      if (!window.__benchHost?.isConnected || !window.__benchHost.__mednerSpanEditor) {
        window.__benchHost = [...document.querySelectorAll('*')].find((node) => node.shadowRoot && node.__mednerSpanEditor);
      }
      return window.__benchHost?.__mednerSpanEditor;
    },
    root() {
      this.hook();
      return window.__benchHost?.shadowRoot;
    },
    state() {
      const shot = this.hook()?.snapshot();
      if (!shot) return null;
      let hash = 0;
      for (const span of shot.spans) {
        for (const part of `${span.id} ${span.start} ${span.end} ${span.label} ${span.state}`) {
          hash = (Math.imul(hash, 31) + part.charCodeAt(0)) | 0;
        }
      }
      const active = shot.spans.find((span) => span.id === shot.active) ?? null;
      const { pending, problem, revision, spans } = shot;
      return { hash, count: spans.length, active, pending, problem, revision };
    },
    idle: () => new Promise((resolve) => requestIdleCallback(resolve, { timeout: 500 })),
  };
})();
