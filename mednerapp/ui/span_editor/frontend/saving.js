// What a person learns about saving, and how a note is left: banners, conflicts, submit and skip.

import { difference } from './document.js';
import { element } from './elements.js';
import { waiting } from './panels.js';
import { Transport } from './transport.js';

const SERVER_BANNERS = ['conflict', 'submitted', 'signed_out', 'refused'];

/** Saves the edits of one note and speaks with the person about it through the editor's banner. */
export class Saving {
  /** True from the moment the person leaves the note: until it turns out that they cannot, or the next note is here. */
  leaving = false;

  /**
   * @param {import('./editor.js').SpanEditor} editor
   * @param {import('./editor.js').EditorData} data
   */
  constructor(editor, { saveUrl, submitUrl, revision }) {
    this.editor = editor;
    this.banner = editor.banner;
    this.transport = new Transport({
      saveUrl, submitUrl, revision,
      onChange: () => this.#showProblem(),
      onInvalid: (dropped, message) => { editor.takeBack(dropped); this.#tell(message); },
    });
  }

  #showProblem() {
    const { problem, pending } = this.transport;
    const kind = problem?.kind ?? null;
    this.banner.close(...SERVER_BANNERS.filter((other) => other !== kind));
    const load = { label: 'Load the saved version', run: () => this.#takeTheirs() };
    if (kind === 'conflict') {
      this.banner.show(kind, ['This note was changed in another window. '],
        [load, { label: 'Keep mine', run: () => this.#keepMine() }]);
    } else if (kind === 'submitted') {
      this.banner.show(kind, [`${problem.message ?? 'This note was submitted in another window.'} `], [load]);
    } else if (kind === 'signed_out') {
      const link = element('a', { href: '/sign-in', target: '_blank', rel: 'noopener' }, 'Sign in again');
      const [before, after] = pending.length ? [`${waiting(pending.length)}. `, ' – they will be sent then.'] : ['', '.'];
      this.banner.show(kind, [`You were signed out. ${before}`, link, ` (opens in a new tab)${after}`], []);
    } else if (kind === 'refused') {
      this.banner.show(kind, [`${problem.message ?? 'The server does not take this.'} ${waiting(pending.length)}. `],
        [{ label: 'Try again', run: () => this.transport.retry() }]);
    }
    this.editor.refresh();
    this.editor.catchUp();
  }

  /** Conflict: the server's spans replace the local ones. */
  #takeTheirs() {
    const { spans = [], revision } = this.transport.problem;
    this.editor.replaceSpans(spans);
    this.transport.rebase(revision, []);
    this.editor.focus();
  }

  /** Conflict: the local spans replace the server's. */
  #keepMine() {
    const { wire, document } = this.editor;
    const { spans = [], revision } = this.transport.problem;
    const changes = difference(spans.map((span) => wire.fromWire(span)), document.sorted);
    this.transport.rebase(revision, changes.map((change) => wire.edit(change)));
    this.editor.focus();
  }

  /** Sends what is waiting now, except where a person has to decide first. */
  hurry() {
    if (this.transport.problem?.kind !== 'conflict') this.transport.retry();
  }

  #tell(message) {
    const close = () => { this.banner.close('message'); this.editor.focus(); };
    this.banner.close('message');
    this.banner.show('message', [`${message} `], [{ label: 'Close', run: close }]);
  }

  /** Submits the note once everything is saved; asks first about suggestions that nobody has looked at. */
  submit() {
    if (['conflict', 'submitted'].includes(this.transport.problem?.kind)) return; // the banner asks for a decision first
    const untouched = this.editor.document.suggestions;
    if (untouched.length) this.#ask(untouched);
    else this.#leave(() => this.#send());
  }

  #ask(untouched) {
    const one = untouched.length === 1;
    const look = () => { this.banner.close('untouched'); this.editor.focus(); this.editor.goToSuggestion(); };
    const rejectAndSubmit = () => {
      this.banner.close('untouched');
      this.editor.focus();
      this.editor.commit(untouched.map((before) => ({ before, after: { ...before, state: 'rejected' } })));
      this.#leave(() => this.#send());
    };
    this.banner.show('untouched', [`${untouched.length} ${one ? 'suggestion has' : 'suggestions have'} not been looked at. `], [
      { label: `Look at ${one ? 'it' : 'them'}`, run: look },
      { label: `Reject ${one ? 'it' : 'them'} and submit`, run: rejectAndSubmit },
    ], { question: true });
  }

  /** Leaves the note as it is, once everything is saved. */
  skip() {
    this.#leave(() => {
      this.editor.report('skipped', {});
      return true;
    });
  }

  /** Locks the editor, waits until every edit is saved, then runs `finish`; unlocks it if that fails. */
  async #leave(finish) {
    this.leaving = true;
    this.editor.dropSelection();
    this.editor.refresh();
    const saved = await this.transport.settled();
    if (this.editor.saving !== this) return; // Python has opened another note meanwhile
    this.leaving = saved && (await finish());
    this.editor.refresh();
  }

  async #send() {
    const { ok, message } = await this.transport.submit();
    const { problem } = this.transport;
    if (ok) this.editor.report('submitted', { revision: this.transport.revision });
    else if (problem?.kind === 'conflict' && this.editor.grow(problem.spans ?? [], problem.revision)) {
      this.#tell('Highlights have arrived. Look at them first.');
    }
    else if (message) {
      this.#tell(message);
      this.editor.lookAgain(); // there may be suggestions that have not been shown
    }
    return ok;
  }
}
