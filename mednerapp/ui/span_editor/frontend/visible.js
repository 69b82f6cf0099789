//# allFunctionsCalledOnLoad
// Characters that nobody can see, or that reorder what stands around them: each is wrapped, so that it shows a small mark
// and acts on nothing outside. The text nodes keep every character, so offsets, selection and copying stay exact.

const NAMES = {
  0x00ad: 'SHY', 0x061c: 'ALM', 0x180e: 'MVS', 0x200b: 'ZWSP', 0x200c: 'ZWNJ', 0x200d: 'ZWJ', 0x200e: 'LRM', 0x200f: 'RLM',
  0x202a: 'LRE', 0x202b: 'RLE', 0x202c: 'PDF', 0x202d: 'LRO', 0x202e: 'RLO', 0x2060: 'WJ', 0x2066: 'LRI', 0x2067: 'RLI',
  0x2068: 'FSI', 0x2069: 'PDI', 0xfeff: 'BOM',
};
const HIDDEN = /[\p{Cc}\p{Cf}]/gu;
const JOINER = 0x200d; // between two emoji it makes one of them, and nothing is hidden
const EMOJI = /\p{Extended_Pictographic}|[\u{1F3FB}-\u{1F3FF}\uFE0F]/u;

/** What the mark of a hidden character says; '' for one that needs none. */
function nameAt(text, offset) {
  const code = text.codePointAt(offset);
  if (code === 0x0a || code === 0x09) return '';
  if (code === JOINER && EMOJI.test(text.slice(Math.max(0, offset - 2), offset))) return '';
  if (code >= 0xe0020 && code <= 0xe007f) return ''; // part of the emoji of a flag
  return NAMES[code] ?? `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

/**
 * Appends text nodes for [start, end) to a node, hidden characters in elements of their own.
 * @param {WeakMap<Node, object>} facts where each new node's offsets are noted
 */
export function appendText(parent, text, start, end, facts) {
  const part = text.slice(start, end);
  let from = start;
  const add = (target, to) => {
    if (to <= from) return;
    const node = document.createTextNode(text.slice(from, to));
    facts.set(node, { start: from, end: to, ids: [], passing: [] });
    target.append(node);
    from = to;
  };
  for (const { index } of part.matchAll(HIDDEN)) {
    const name = nameAt(text, start + index);
    if (!name) continue;
    add(parent, start + index);
    const mark = document.createElement('span');
    mark.className = 'hidden-character';
    mark.dataset.name = name;
    const to = from + String.fromCodePoint(text.codePointAt(from)).length;
    facts.set(mark, { start: from, end: to, ids: [], passing: [] });
    add(mark, to);
    parent.append(mark);
  }
  add(parent, end);
}
