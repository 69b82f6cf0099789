// What the editor can do besides editing spans; each feature is a class with its own keys and, mostly, a side panel.

import { afterFrame } from '../http.js';
import { Bulk } from './bulk.js';
import { Compare } from './compare.js';
import { Find } from './find.js';
import { Guideline } from './guideline.js';
import { Link } from './link.js';
import { Outline } from './outline.js';
import { Spans } from './spans.js';
import { Threshold } from './threshold.js';
import { Timeline } from './timeline.js';
import { View } from './view.js';

/**
 * @typedef {object} Feature constructed once for an editor
 * @property {Record<string, (argument: any) => boolean | void>} [commands] 'find.open' in a key's row is `commands.open`
 * @property {(data: import('../data.js').EditorData) => void} [load] another note is shown
 * @property {() => void} [refresh] spans, active span or saved state have changed; O(1) while its panel is closed
 */

/** @type {(new (editor: import('../editor.js').SpanEditor) => Feature)[]} in the order of their buttons. With `static keys`, rows of the
 *  table of keys.js; `static panel`, id and title of the panel that it adds; `static opensWith`, whether it opens that for this data. */
const FEATURES = [Find, Bulk, Threshold, Spans, Outline, Guideline, Timeline, Compare, View, Link];

/** The features of one editor. Nothing of a closed panel is seen in the first frame, so features with a panel are made after it: before
 *  it only if a panel is to be open at once, or one of them is asked for. */
export class Features {
  #made = new Map(); // class → feature
  #data = null;

  /** @param {import('../editor.js').SpanEditor} editor */
  constructor(editor) {
    this.editor = editor;
    for (const Feature of FEATURES) {
      if (Feature.panel) editor.side.offer(Feature.panel, () => this.#complete());
      else this.#made.set(Feature, new Feature(editor));
    }
  }

  /** Their rows of the table of keys.js, with what they run. */
  get keys() {
    return FEATURES.flatMap((Feature) => (Feature.keys ?? []).map((key) => ({
      ...key, run: (argument) => this.#get(Feature).commands[key.command.split('.').at(-1)](argument),
    })));
  }

  /** Another note is shown. @param {import('../data.js').EditorData} data */
  load(data) {
    this.#data = data;
    for (const feature of this.#made.values()) feature.load?.(data);
    if (this.editor.side.wanted || FEATURES.some((Feature) => Feature.opensWith?.(data))) this.#complete();
    else afterFrame(() => { if (this.editor.root.isConnected) this.#complete(); });
  }

  refresh() {
    for (const feature of this.#made.values()) feature.refresh?.();
  }

  #get(Feature) {
    if (!this.#made.has(Feature)) this.#complete();
    return this.#made.get(Feature);
  }

  #complete() {
    const missing = FEATURES.filter((Feature) => !this.#made.has(Feature));
    for (const Feature of missing) this.#made.set(Feature, new Feature(this.editor));
    if (this.#data) for (const Feature of missing) this.#made.get(Feature).load?.(this.#data);
  }
}
