// What the editor can do besides editing spans; each feature is a class with its own keys and, mostly, a side panel.

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
 * @typedef {object} Feature constructed with the editor, once
 * @property {Record<string, (argument: any) => boolean | void>} [commands] 'find.open' in a key's row is `commands.open`
 * @property {(data: import('../data.js').EditorData) => void} [load] another note is shown
 * @property {() => void} [refresh] spans, active span or saved state have changed; O(1) while its panel is closed
 */

/** @type {(new (editor: import('../editor.js').SpanEditor) => Feature)[]} with `static keys`, rows of the table of keys.js;
 *  in the order of their buttons */
export const FEATURES = [Find, Bulk, Threshold, Spans, Outline, Guideline, Timeline, Compare, View, Link];
