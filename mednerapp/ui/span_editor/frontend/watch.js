//# allFunctionsCalledOnLoad
// A tab that comes back to the front asks whether somebody else has written meanwhile.

import { fetchJson } from './http.js';

export class Watch {
  #asking = false;

  /** @param {import('./editor.js').SpanEditor} editor
   *  @param {import('./transport.js').Transport} transport */
  constructor(editor, transport) {
    this.editor = editor;
    this.transport = transport;
    window.addEventListener('focus', this.#look);
    window.addEventListener('pageshow', this.#look);
    document.addEventListener('visibilitychange', this.#look);
  }

  close() {
    window.removeEventListener('focus', this.#look);
    window.removeEventListener('pageshow', this.#look);
    document.removeEventListener('visibilitychange', this.#look);
    this.editor = null;
  }

  get #quiet() {
    return this.editor && !this.transport.pending.length && !this.transport.problem && !this.editor.saving.leaving;
  }

  #look = async () => {
    if (this.#asking || document.hidden || !this.#quiet) return;
    this.#asking = true;
    const { apiUrl } = this.editor;
    const { status, body } = await fetchJson(`${apiUrl}/revision`);
    if (status === 200 && this.#quiet && body.revision > this.transport.revision) await this.#read(apiUrl, body.revision);
    this.#asking = false;
  };

  async #read(apiUrl, newest) {
    const { status, body } = await fetchJson(`${apiUrl}/at/${newest}`);
    if (status !== 200 || !this.#quiet || body.revision <= this.transport.revision) return;
    const { editor } = this;
    if (editor.loader.grow(body.spans, body.revision)) {
      editor.tell('New highlights have arrived.');
      return;
    }
    const take = () => {
      if (!this.#quiet) return; // an edit since then meets the other version at the server, which asks
      editor.replaceSpans(body.spans.map((span) => editor.wire.fromWire(span)));
      this.transport.rebase(body.revision, []);
      editor.loader.loadHistory();
      editor.focus();
    };
    editor.notice('This note was changed in another window. ', [{ label: 'Show the newer version', run: take }]);
  }
}
