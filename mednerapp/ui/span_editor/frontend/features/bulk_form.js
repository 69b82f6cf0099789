// What is done to all identical mentions, with which labels, and how far it reaches.

import { element } from '../elements.js';
import { choices, field, select } from './shared.js';

export const KINDS = { create: 'Label', relabel: 'Relabel', accept: 'Accept', reject: 'Reject', delete: 'Delete' };

/**
 * @param {object} of
 * @param {import('./places.js').BulkChange} of.change
 * @param {'note' | 'project'} of.scope
 * @param {import('../data.js').EditorData} of.data
 * @param {(properties: object) => void} of.alter changes the change
 * @param {(scope: string) => void} of.reach
 * @returns {HTMLElement[]}
 */
export function bulkForm({ change, scope, data, alter, reach }) {
  const { kind, mention, label, newLabel } = change;
  const names = data.labels.map(({ name }) => name);
  const known = names.includes(label) ? names : [label, ...names]; // a span can have a label that the project no longer has
  const another = (name) => names.find((other) => other !== name);
  const chooseKind = (chosen) => alter({ kind: chosen, newLabel: chosen === 'relabel' ? newLabel || another(label) : '' });
  const chooseLabel = (chosen) => alter({ label: chosen, newLabel: chosen === newLabel ? another(chosen) : newLabel });
  const relabel = kind === 'relabel';
  const to = relabel
    ? [field('To', select(names.filter((name) => name !== label), newLabel, (chosen) => alter({ newLabel: chosen })))] : [];
  const where = [['note', 'this note'], ['project', 'all my open notes']];
  return [
    element('p', { class: 'subject' }, '“', element('b', { class: 'mention' }, mention), '”'),
    element('div', { class: 'row' },
      field('Do', select(Object.entries(KINDS), kind, chooseKind)),
      field(relabel ? 'From' : 'Label', select(known, label, chooseLabel)), ...to),
    ...(data.projectUrl ? [choices('Where', 'scope', where, scope, reach)] : []),
  ];
}
