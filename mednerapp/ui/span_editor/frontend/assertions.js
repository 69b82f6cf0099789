//# allFunctionsCalledOnLoad
// Clinical assertion: whether what a span names is there, is not, may be, was, or is somebody else's.

import { lowerBound } from './offsets.js';

/** Value → what the badge shows. The keys are in keys.js. */
export const ASSERTIONS = {
  present: 'present', absent: 'absent', possible: 'possible', conditional: 'conditional', historical: 'historical',
  family: 'family',
};

/** "absent", "absent?" while only suggested, '' without one. */
export function assertionWords({ assertion, assertionBy }) {
  if (!assertion) return '';
  return (ASSERTIONS[assertion] ?? assertion) + (assertionBy === 'model' ? '?' : '');
}

/** Whether two spans say different things of what they name, and a person has said one of them; what nobody has said is present. */
export function assertionDiffers(one, other) {
  if (one.assertionBy !== 'person' && other.assertionBy !== 'person') return false;
  return (one.assertion ?? 'present') !== (other.assertion ?? 'present');
}

/** Where the rules say something other than "present". */
export class Scopes {
  #scopes;
  #reach = []; // largest end of a scope up to each one, to know where to stop looking back

  /** @param {{start: number, end: number, assertion: string, trigger: [number, number]}[]} scopes UTF-16 offsets */
  constructor(scopes) {
    this.#scopes = [...scopes].map((scope, order) => ({ ...scope, order })).sort((a, b) => a.start - b.start);
    let reach = 0;
    for (const scope of this.#scopes) this.#reach.push((reach = Math.max(reach, scope.end)));
  }

  /** The first scope (in the order that Python sent) that covers the whole span; null where there is none. */
  at({ start, end }) {
    let found = null;
    let i = lowerBound(this.#scopes.length, (k) => this.#scopes[k].start <= start) - 1;
    for (; i >= 0 && this.#reach[i] >= end; i -= 1) {
      const scope = this.#scopes[i];
      if (scope.end >= end && (!found || scope.order < found.order)) found = scope;
    }
    return found;
  }

  /** What a span at this place gets from the rules. */
  attributesAt(place) {
    const scope = this.at(place);
    return { assertion: scope?.assertion ?? null, assertionBy: scope ? 'model' : null };
  }
}
