// A row of buttons, one for each label of the project.

import { button, element, rovingFocus } from '../elements.js';
import { safeColor } from '../colors.js';

/** @param {(name: string) => void} choose
 *  @param {string} prefix what is held with the key of a label */
export function labelRow(editor, title, choose, prefix = '') {
  const buttons = editor.data.labels.map((label) => {
    const swatch = element('span', { class: 'swatch', 'aria-hidden': 'true' });
    swatch.style.setProperty('--color', safeColor(label.color));
    const key = label.key ? [element('kbd', {}, prefix + label.key)] : [];
    return button([...key, swatch, label.name], () => choose(label.name), { class: 'label' });
  });
  const row = element('div', { class: 'label-row', role: 'toolbar', 'aria-label': title }, ...buttons);
  rovingFocus(row)();
  return row;
}
