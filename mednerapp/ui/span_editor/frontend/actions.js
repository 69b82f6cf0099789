//# allFunctionsCalledOnLoad
// What a person can do to spans: every method is a command of the keyboard and of the buttons.

import { LONGEST_COMMENT, NEW_SPAN, piecesOf, sameContent } from './document.js';
import { fetchJson, uuid } from './http.js';
import { wordEdge, characterEdge } from './offsets.js';

const NOTHING = 'Nothing is selected. Drag over words, or go to a word with Ctrl and the arrow keys.';
const NO_SPAN = 'No span is chosen. Tab goes to the next one.';

/** What people have said of a span and of the one that it takes in, which is the one they have in hand: its assertion counts. */
const remarksOf = (span, taken) => {
  const judged = [taken, span].find(({ assertionBy }) => assertionBy === 'person') ?? span;
  return {
    assertion: judged.assertion, assertionBy: judged.assertionBy,
    comment: [...new Set([span.comment, taken.comment])].filter(Boolean).join('\n'), unsure: span.unsure || taken.unsure,
  };
};

export class Actions {
  /** @param {import('./editor.js').SpanEditor} editor */
  constructor(editor) {
    this.editor = editor;
  }

  /** Gives a label to the selected text, else to the word under the cursor, else to the active span. */
  label(name) {
    const { editor } = this;
    if (!editor.editable) return;
    const range = editor.selected ?? editor.cursor.word;
    if (range) this.#create(range, name);
    else if (!this.#relabel(name)) editor.tell(NOTHING);
  }

  #create({ start, end }, label) {
    const { editor } = this;
    const twin = editor.document.find(start, end, label);
    const span = twin ?? { ...NEW_SPAN, id: uuid(), start, end, label, ...editor.scopes.attributesAt({ start, end }) };
    editor.dropSelection();
    if (twin?.state !== 'confirmed') editor.commit([{ before: twin, after: { ...span, state: 'confirmed' } }]);
    editor.activate(editor.document.get(span.id));
  }

  /** Gives the active span a label. A span that has it already on the same words takes it in, unless the comments of both are too long
   *  for one. */
  #relabel(label) {
    const { editor } = this;
    editor.floating.hide(); // keeps a comment that is being written
    const before = editor.activeSpan;
    const twin = before && before.label !== label && !before.fragments.length
      ? editor.document.find(before.start, before.end, label) : null;
    const remarks = twin && remarksOf(twin, before);
    if (!twin || [...remarks.comment].length > LONGEST_COMMENT) return this.#change({ label, state: 'confirmed' });
    const joined = { ...twin, ...remarks, state: 'confirmed' };
    editor.commit([{ before, after: null }, ...(sameContent(twin, joined) ? [] : [{ before: twin, after: joined }])], { joins: true });
    this.#activateSaying(twin.id, `These words were marked as ${label} already: the two spans are one now.`);
    return true;
  }

  /** Makes a span active, and says what has come of it: under the text, and before what is announced of the span. */
  #activateSaying(id, words) {
    const { editor } = this;
    editor.activate(editor.document.get(id), { spoken: `${words} ` });
    editor.status.tell(words);
  }

  /** The active span, if it can be changed; says so if there is none. */
  #chosen() {
    const { activeSpan, editable } = this.editor;
    if (editable && !activeSpan) this.editor.tell(NO_SPAN);
    return editable ? activeSpan : null;
  }

  /** Changes the active span. */
  #change(properties) {
    const { editor } = this;
    const before = editor.activeSpan;
    if (!before) return false;
    const after = { ...before, ...properties };
    if (Object.keys(properties).some((name) => before[name] !== after[name])) editor.commit([{ before, after }]);
    editor.activate(editor.document.get(after.id));
    return true;
  }

  /** Confirms the active span and goes to the next suggestion. */
  accept() {
    this.#judge({ state: 'confirmed' });
  }

  /** Confirms the active span and the assertion that the rules suggest for it, and goes to the next suggestion. */
  acceptWhole() {
    this.#judge({ state: 'confirmed', ...(this.editor.activeSpan?.assertion ? { assertionBy: 'person' } : {}) });
  }

  /** Keeps the active span as rejected and goes to the next suggestion. */
  reject() {
    this.#judge({ state: 'rejected' });
  }

  #judge(properties) {
    if (!this.editor.editable) return;
    this.#change(properties);
    this.editor.walk.goToSuggestion();
  }

  /** Deletes the active span. */
  remove() {
    const { editor } = this;
    const span = this.#chosen();
    if (!span) return;
    const neighbour = editor.walk.afterRemovalOf(span);
    editor.commit([{ before: span, after: null }]);
    editor.activate(neighbour, { spoken: `Deleted ${span.label}. ` });
  }

  /**
   * Moves an edge of the active span by a word, or by a character with its marks; never past the other edge or the text. Of a
   * discontinuous span the outer edges move.
   * @param {{edge: 'start' | 'end', step: 1 | -1, exact?: boolean}} move
   */
  resize({ edge, step, exact = false }) {
    const { editor } = this;
    const span = this.#chosen();
    if (!span) return true;
    const move = exact ? characterEdge : wordEdge;
    const to = move(editor.document.text, span[edge], step, edge);
    const pieces = piecesOf(span).map((piece) => [...piece]);
    if (edge === 'start') pieces[0][0] = to;
    else pieces.at(-1)[1] = to;
    const moved = edge === 'start' ? pieces[0] : pieces.at(-1);
    if (to === span[edge] || moved[0] >= moved[1] || !editor.document.text.slice(...moved).trim()) return true;
    const place = { start: pieces[0][0], end: pieces.at(-1)[1], fragments: span.fragments.length ? pieces : [] };
    const rules = span.assertionBy === 'model' ? editor.scopes.attributesAt(place) : {};
    this.#change({ ...place, ...rules, state: 'confirmed' });
    if (!place.fragments.length) this.#warnOfTwin(editor.activeSpan);
    return true;
  }

  /** An edge may pass another span on its way, so the two stay two. */
  #warnOfTwin({ id, start, end, label }) {
    const twin = this.editor.document.find(start, end, label, id);
    if (twin && twin.state !== 'rejected') this.#activateSaying(id, `Another span marks these words as ${label} already.`);
  }

  /** Sets an assertion; the same again takes it away, or confirms one that the rules have suggested. */
  assert(value) {
    const span = this.#chosen();
    if (!span) return true;
    const again = span.assertion === value && span.assertionBy === 'person';
    return this.#change({ assertion: again ? null : value, assertionBy: again ? null : 'person' });
  }

  /** Sets or takes away the mark "unsure". */
  flag() {
    const span = this.#chosen();
    return !span || this.#change({ unsure: !span.unsure });
  }

  openComment() {
    if (!this.#chosen()) return true;
    this.editor.walk.showBar();
    this.editor.floating.openComment();
    return true;
  }

  comment(text) {
    if (this.editor.editable) this.#change({ comment: text.trim() });
  }

  // ---- undo and redo

  undo() {
    if (this.editor.editable) this.#again(this.editor.history.undo(), 'undo');
  }

  redo() {
    if (this.editor.editable) this.#again(this.editor.history.redo(), 'redo');
  }

  #again(step, phase) {
    if (!step) return;
    const { editor } = this;
    editor.perform(step.changes, { step: step.id, phase });
    if (step.bulk) this.#elsewhere(step.id, phase);
    const shown = step.changes.findLast(({ after }) => after)?.after;
    editor.dropSelection(); // the next label is for what is active now
    editor.activate(shown ? editor.document.get(shown.id) : editor.activeSpan, { spoken: phase === 'undo' ? 'Undone. ' : 'Redone. ' });
  }

  /** A bulk step changed other notes as well: the server takes it back there, too. */
  async #elsewhere(step, phase) {
    const { editor } = this;
    const { status, body } = await fetchJson(`${editor.data.bulkUrl ?? '/api/bulk'}/${encodeURIComponent(step)}/${phase}`,
      { except_annotation: Number(editor.data.docId) || editor.data.docId });
    const word = phase === 'undo' ? 'Undone' : 'Redone';
    const { notes = 0, kept = [] } = body;
    if (status !== 200) {
      editor.notice(`${word} in this note only; the others are as they were: ${body.message ?? 'the server did not answer.'}`,
        [{ label: 'Try again', run: () => this.#elsewhere(step, phase) }]);
    } else if (kept.length) {
      editor.notice(`${word} in ${notes} other ${notes === 1 ? 'note' : 'notes'}. Kept as they are, because their spans were changed since: ${
        kept.map(({ title }) => title).join(', ')}.`);
    } else if (notes) editor.tell(`${word} in ${notes} other ${notes === 1 ? 'note' : 'notes'}.`);
  }

  // ---- leaving the note

  submit() {
    this.editor.floating.hide();
    if (this.editor.editable) this.editor.saving.submit();
  }

  skip() {
    if (this.editor.editable) this.editor.saving.skip();
  }
}
