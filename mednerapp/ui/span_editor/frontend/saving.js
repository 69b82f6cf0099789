//# allFunctionsCalledOnLoad
// What a person learns about saving, and how a note is left: banners, conflicts, submit and skip.

import { Conflict } from './conflict.js';
import { difference } from './document.js';
import { element } from './elements.js';
import { uuid } from './http.js';
import { waiting } from './panels.js';
import { Transport } from './transport.js';
import { Watch } from './watch.js';

const SERVER_BANNERS = ['conflict', 'submitted', 'signed_out', 'refused'];

/** Saves the edits of one note and speaks with the person about it through the editor's banner. */
export class Saving {
  /** True from the moment the person leaves the note: until it turns out that they cannot, or the next note is here. */
  leaving = false;

  /**
   * @param {import('./editor.js').SpanEditor} editor
   * @param {import('./data.js').EditorData} data
   */
  constructor(editor, { docId, user, saveUrl, submitUrl, revision }) {
    this.editor = editor;
    this.banner = editor.banner;
    this.conflict = new Conflict(editor, (spans) => this.#resolve(spans));
    this.transport = new Transport({
      docId, user, saveUrl, submitUrl, revision,
      onChange: () => this.#showProblem(),
      onInvalid: (dropped, message) => { editor.takeBack(dropped); this.tell(message); },
    });
    this.watch = new Watch(editor, this.transport);
    for (const other of this.transport.outbox.elsewhere()) {
      new Transport({ ...other, revision: 0, onChange() {}, onInvalid() {} }).close(); // of a note that was open before
    }
  }

  /** Another note is opened, or the editor leaves the page. */
  close() {
    this.watch.close();
    this.conflict.close();
    this.transport.close();
  }

  #showProblem() {
    const { problem, pending } = this.transport;
    const kind = problem?.kind ?? null;
    this.banner.close(...SERVER_BANNERS.filter((other) => other !== kind));
    const load = { label: 'Load the saved version', run: () => this.#takeTheirs() };
    if (kind !== 'conflict') this.conflict.close();
    if (kind === 'conflict') {
      this.banner.show(kind, ['This note was changed in another window. '], [
        { label: 'Compare and merge', run: () => this.conflict.focus() }, load,
        { label: 'Keep mine', run: () => this.#resolve(this.editor.live.sorted) },
      ]);
      this.conflict.open(problem, pending);
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
    this.editor.loader.catchUp();
  }

  /** The server's spans replace the local ones. */
  #takeTheirs() {
    const { spans = [] } = this.transport.problem;
    this.#resolve(spans.map((span) => this.editor.wire.fromWire(span)));
  }

  /** Conflict: a person has chosen; what differs from the server's version is sent as one step. */
  #resolve(chosen) {
    const { editor, transport } = this;
    const { wire } = editor;
    const { spans = [], revision } = transport.problem;
    const changes = difference(spans.map((span) => wire.fromWire(span)), chosen);
    const step = uuid();
    this.conflict.close();
    editor.replaceSpans(chosen, changes.length ? { id: step, changes, bulk: false } : null);
    transport.rebase(revision, changes.map((change) => wire.edit(change, { step })));
    editor.loader.loadHistory();
    editor.focus();
  }

  /** Sends what is waiting now, except where a person has to decide first. */
  hurry() {
    if (this.transport.problem?.kind !== 'conflict') this.transport.retry();
  }

  /** Says something that stays until it is read. */
  tell(message, choices = []) {
    const close = () => { this.banner.close('message'); this.editor.focus(); };
    this.banner.close('message');
    this.banner.show('message', [`${message} `], [...choices.map(({ label, run }) => ({ label, run: () => { close(); run(); } })), { label: 'Close', run: close }]);
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
    const look = () => { this.banner.close('untouched'); this.editor.focus(); this.editor.walk.goToSuggestion(); };
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
    else if (problem?.kind === 'conflict' && this.editor.loader.grow(problem.spans ?? [], problem.revision)) {
      this.tell('Highlights have arrived. Look at them first.');
    }
    else if (message) {
      this.tell(message);
      this.editor.loader.lookAgain(); // there may be suggestions that have not been shown
    }
    return ok;
  }
}
