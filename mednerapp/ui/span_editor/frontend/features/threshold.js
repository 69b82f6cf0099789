// Accepting all suggestions whose score is high enough, with the number of errors to expect among them beside it.

import { button, element } from '../elements.js';
import { count, field, select, write } from './shared.js';

const ID = 'threshold';
const USUAL = 0.9;

/**
 * How many suggestions a threshold accepts, and how many of them are wrong if a score is the chance of being right.
 * @param {{score: number}[]} suggestions
 * @returns {{accepted: object[], errors: number}}
 */
export function atThreshold(suggestions, threshold) {
  const accepted = suggestions.filter(({ score }) => score !== null && score >= threshold);
  return { accepted, errors: accepted.reduce((sum, { score }) => sum + 1 - score, 0) };
}

export class Threshold {
  static keys = [{
    names: ['a'], shift: true, edits: true, command: 'threshold.open', keys: 'Shift+A',
    help: 'accept all suggestions above a score', group: 'bulk',
  }];
  static panel = { id: ID, title: 'Accept by score' };

  commands = { open: () => this.editor.side.toggle(ID) };
  #label = '';
  #slider = element('input', {
    type: 'range', min: '0', max: '1', step: '0.01', value: String(USUAL), 'aria-label': 'Lowest score', autofocus: true,
    oninput: () => this.#draw(),
  });
  #value = element('output', { class: 'figure' });
  #labels = element('div');
  #result = element('p', { class: 'result', role: 'status' });
  #why = element('p', { class: 'quiet' });
  #accept = button('Accept', () => this.#apply(), { class: 'primary' });

  /** @param {import('../editor.js').SpanEditor} editor */
  constructor(editor) {
    this.editor = editor;
    const panel = element('div', { class: 'threshold' },
      field('Score at least', element('span', { class: 'row' }, this.#slider, this.#value)),
      this.#labels, this.#result, this.#why, this.#accept);
    panel.addEventListener('keydown', (event) => {
      if (event.key !== 'Enter' || event.target !== this.#slider) return;
      event.preventDefault();
      event.stopPropagation();
      this.#apply();
    });
    editor.side.add({ ...Threshold.panel, element: panel, onShow: () => this.#draw() });
  }

  load(data) {
    this.#label = '';
    const names = [['', 'all labels'], ...data.labels.map(({ name }) => name)];
    this.#labels.replaceChildren(field('Label', select(names, '', (name) => { this.#label = name; this.#draw(); })));
    this.refresh();
  }

  refresh() {
    if (this.editor.side.isOpen(ID)) this.#draw();
  }

  get #chosen() {
    const { suggestions } = this.editor.document;
    const candidates = suggestions.filter(({ label }) => !this.#label || label === this.#label);
    return { candidates, ...atThreshold(candidates, Number(this.#slider.value)) };
  }

  #draw() {
    const { candidates, accepted, errors } = this.#chosen;
    const calibrated = this.editor.data.calibration?.calibrated;
    const threshold = Number(this.#slider.value).toFixed(2);
    this.#slider.setAttribute('aria-valuetext', `${threshold}, accepts ${accepted.length} of ${candidates.length}`);
    write(this.#value, threshold);
    write(this.#result, `${accepted.length} of ${count(candidates.length, 'suggestion')} · about ${errors.toFixed(1)} ${
      calibrated ? 'wrong' : 'wrong?'}`);
    const unscored = candidates.filter(({ score }) => score === null).length;
    write(this.#why, [
      calibrated ? 'The number of errors is expected from the model’s calibration.'
        : 'The scores are not calibrated: treat the number of errors as a guess.',
      unscored ? `${count(unscored, 'suggestion')} without a score ${unscored === 1 ? 'is' : 'are'} left out.` : '',
    ].filter(Boolean).join(' '));
    write(this.#accept, `Accept ${accepted.length}`);
    this.#accept.disabled = !accepted.length || !this.editor.editable;
  }

  #apply() {
    const { accepted } = this.#chosen;
    if (!accepted.length || !this.editor.editable) return;
    this.editor.commit(accepted.map((before) => ({ before, after: { ...before, state: 'confirmed' } })));
    this.editor.side.close();
    this.editor.focus();
    this.editor.tell(`Accepted ${count(accepted.length, 'suggestion')}. Undo: Ctrl+Z`);
  }
}
