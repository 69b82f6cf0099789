//# allFunctionsCalledOnLoad
// Opens notes, and takes what the server sends about the open one: newer suggestions, stored steps, edits left unsent.

import { Scopes } from './assertions.js';
import { SpanDocument } from './document.js';
import { fetchJson, whenIdle } from './http.js';
import { Saving } from './saving.js';
import { Wire } from './wire.js';

const ASK_AGAIN = 2_000; // ms, twice as long each time
const LONGEST = 60_000; // ms
const GONE = [403, 404]; // asking again would not help

export class Loader {
  /** docId and epoch of what is shown. */
  shown = null;
  #asked = ''; // what Python was last asked to send
  #history = 0; // how often the stored steps were asked for
  #closed = false;

  /** @param {import('./editor.js').SpanEditor} editor */
  constructor(editor) {
    this.editor = editor;
  }

  /**
   * @param {import('./data.js').EditorData} data
   * @param {import('./data.js').EditorData | null} previous what was sent the last time
   */
  take(data, previous) {
    const { editor } = this;
    const another = data.docId !== previous?.docId;
    if (another) this.load(previous);
    else if (data.epoch !== this.shown.epoch && editor.saving.transport.pending.length) editor.saving.hurry();
    this.catchUp();
    if (another || JSON.stringify(data.labels) !== JSON.stringify(previous.labels)) {
      editor.toolbar.setLabels(data.labels);
      if (!previous) editor.fit.now(); // while there is no text that would have to be laid out for it
      editor.mount();
    }
    if (another) this.#begin(previous);
  }

  /** Shows what Python sent with a new epoch, once nothing that the person did here is missing in it. */
  catchUp() {
    const { docId, epoch, spans, revision } = this.editor.data;
    if (!this.editor.saving || docId !== this.shown.docId || epoch === this.shown.epoch) return;
    const { transport, leaving } = this.editor.saving;
    if (transport.pending.length) return;
    if (revision < transport.revision) {
      const missing = `${docId} ${epoch} ${transport.revision}`;
      if (missing !== this.#asked) this.lookAgain(); // else the answer is on its way
      this.#asked = missing;
      return;
    }
    this.shown.epoch = epoch;
    if (leaving || !this.grow(spans, revision)) {
      this.load(this.editor.data);
      this.editor.mount();
      this.#begin(this.editor.data);
      this.editor.refresh();
    }
  }

  /** Asks Python to run again and to send what is stored now. */
  lookAgain() {
    this.editor.report('stale', { revision: this.editor.saving.transport.revision });
  }

  /** Adds suggestions that have arrived, under the person's hands: the place, the selection and undo are kept.
   *  @returns {boolean} false, and nothing is done, if the server's spans differ in more than that */
  grow(spans, revision) {
    const { live, wire, saving } = this.editor;
    const inHere = spans.map((span) => wire.fromWire(span, { remember: false }));
    const added = inHere.filter(({ id }) => !live.get(id));
    const isNew = ({ id, state, origin }) => !wire.knows(id) && state === 'suggested' && origin === 'model';
    // Each suggestion is one revision: whatever else was stored meanwhile is a person's, and undo would not know of it.
    if (revision - saving.transport.revision + saving.transport.unseen !== added.length) return false;
    if (!live.isGrownTo(inHere) || !added.every(isNew)) return false;
    this.editor.preview(null);
    this.editor.document.replaceAll(spans.map((span) => this.editor.wire.fromWire(span)));
    const top = this.editor.pane.scrollTop;
    this.editor.mount();
    this.editor.pane.scrollTop = top;
    this.editor.walk.reselect();
    this.editor.saving.transport.rebase(revision, []);
    return true;
  }

  load(previous) {
    const { docId, epoch, text, spans } = this.editor.data;
    this.shown = { docId, epoch };
    this.editor.preview(null);
    this.editor.saving?.close();
    this.editor.banner.close(this.editor.banner.kind);
    if (this.editor.help.open) this.editor.help.toggle();
    this.editor.status.tell('');
    this.editor.walk.reset();
    this.editor.cursor.reset();
    this.editor.painter.undecorate();
    this.editor.history.clear();
    this.editor.wire = new Wire(text);
    this.editor.document = new SpanDocument(text, spans.map((span) => this.editor.wire.fromWire(span)));
    this.editor.scopes = new Scopes((this.editor.data.scopes ?? []).map((scope) => ({ ...scope, ...this.editor.wire.rangeFromWire(scope) })));
    this.editor.saving = new Saving(this.editor, this.editor.data);
    for (const edit of this.editor.saving.transport.pending) this.#showUnsent(edit);
    if (previous) this.editor.pane.scrollTop = 0;
  }

  /** An edit that an earlier page of this tab did not get through. */
  #showUnsent({ span_id: id, after }) {
    const before = this.editor.document.get(id);
    const span = after && this.editor.wire.withContent(before, id, after);
    if (before || span) this.editor.document.apply({ before, after: span });
  }

  #begin(previous) {
    this.editor.features.load(this.editor.data);
    const { focus } = this.editor.data;
    const span = focus?.span !== undefined ? this.editor.document.get(focus.span) : null;
    if (span) this.editor.activate(span);
    else if (focus?.end) {
      const { start, end } = this.editor.wire.rangeFromWire(focus);
      this.editor.reveal(start, end);
    }
    // The next note: hands stay on the keyboard. The first one: nobody writes elsewhere, a link or button led here. The page is laid
    // out for it, so everything is in it by now.
    if (previous || document.activeElement.matches('body, a, button')) this.editor.focus();
    const asked = this.#history;
    whenIdle(() => { if (asked === this.#history) this.loadHistory(); }); // a newer version may have been shown meanwhile, with its steps
  }

  /** Asks for nothing more. */
  close() {
    this.#closed = true;
  }

  /** Puts what the server has stored beneath the steps that can be undone; asks again until it answers. */
  async loadHistory() {
    const asked = (this.#history += 1); // of several that are under way the last one counts
    const { saving, wire, history } = this.editor;
    const current = () => !this.#closed && asked === this.#history && saving === this.editor.saving;
    for (let wait = ASK_AGAIN; current(); wait = Math.min(2 * wait, LONGEST)) {
      if (await saving.transport.settled()) {
        if (!current()) return;
        const { status, body } = await fetchJson(`${this.editor.apiUrl}/history`);
        if (!current() || GONE.includes(status)) return;
        if (status === 200) {
          history.putBeneath(body, wire);
          this.editor.refresh();
          return;
        }
      }
      await new Promise((done) => setTimeout(done, wait));
    }
  }
}
