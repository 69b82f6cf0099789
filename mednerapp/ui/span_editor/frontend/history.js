//# allFunctionsCalledOnLoad
// Undo and redo. The newest steps were made in here; beneath them lie those that the server has stored.

import { mirrored } from './document.js';
import { uuid } from './http.js';

/**
 * @typedef {object} Step what one undo takes back
 * @property {string} id shared by all edits of the step, also when they are undone and redone
 * @property {import('./document.js').Change[]} changes
 * @property {boolean} bulk it changed other notes as well
 * @property {boolean} [joins] it made one span of two
 */

export class History {
  #done = []; // Step, or a function with its id that makes it: stored steps are translated when it is their turn
  #undone = [];
  #ids = new Set(); // of all steps that were made here, to know them again among the stored ones

  get canUndo() {
    return this.#done.length > 0;
  }

  get canRedo() {
    return this.#undone.length > 0;
  }

  /** Ids of the steps that can be undone and redone, oldest first: for tests, which compare them with the log. */
  get ids() {
    return { done: this.#done.map(({ id }) => id), undone: this.#undone.map(({ id }) => id) };
  }

  /** The newest step that can be undone, null if it was not made here. */
  get latest() {
    const step = this.#done.at(-1);
    return typeof step === 'object' ? step : null;
  }

  /** Records a step that was just made. @param {Step} step */
  push(step) {
    this.#ids.add(step.id);
    this.#done.push(step);
    this.#undone = [];
  }

  /** @returns {Step | null} what to do now; null when there is nothing to undo */
  undo() {
    const step = this.#take(this.#done);
    if (!step) return null;
    this.#undone.push(step);
    return { ...step, changes: [...step.changes].reverse().map(mirrored) };
  }

  /** @returns {Step | null} what to do now; null when there is nothing to redo */
  redo() {
    const step = this.#take(this.#undone);
    if (step) this.#done.push(step);
    return step;
  }

  #take(steps) {
    const step = steps.pop();
    return typeof step === 'function' ? step() : (step ?? null);
  }

  /**
   * Puts the steps that the server has stored beneath those made here.
   * @param {{done: object[], undone: object[]}} stored oldest first, spans on the wire
   * @param {import('./wire.js').Wire} wire
   */
  putBeneath({ done, undone }, wire) {
    const untouched = this.#ids.size === 0;
    const foreign = ({ id, step }) => !this.#ids.has(step ?? id);
    const lazily = (step) => {
      const id = (step.step ?? step.id) || uuid();
      const make = () => ({
        id,
        bulk: Boolean(step.bulk),
        changes: step.changes.map(({ before, after }) => ({
          before: before && wire.fromWire(before), after: after && wire.fromWire(after),
        })),
      });
      return Object.assign(make, { id });
    };
    for (const step of done) for (const { before, after } of step.changes) wire.remember((before ?? after).id);
    this.#done = [...done.filter(foreign).map(lazily), ...this.#done];
    if (untouched) this.#undone = undone.filter(foreign).map(lazily);
  }

  /** Drops every change of one span that was recorded here: its past is no longer what the history believes. */
  forget(id) {
    const others = ({ before, after }) => (before ?? after).id !== id;
    const prune = (steps) => steps
      .map((step) => (typeof step === 'function' ? step : { ...step, changes: step.changes.filter(others) }))
      .filter((step) => typeof step === 'function' || step.changes.length);
    this.#done = prune(this.#done);
    this.#undone = prune(this.#undone);
  }

  clear() {
    this.#done = [];
    this.#undone = [];
    this.#ids.clear();
  }
}
