// A small part of Markdown as page elements: headings, paragraphs, lists, **bold**, *italic*, `code`. Nothing else has a
// meaning, in particular no HTML and no links: the rest is shown as it stands.

import { element } from '../elements.js';

const INLINE = /`([^`]+)`|\*\*([^*]+(?:\*(?!\*)[^*]+)*)\*\*|__([^_]+)__|\*([^*\s][^*]*)\*|(?<![\p{L}\p{N}])_([^_\s][^_]*)_(?![\p{L}\p{N}])/gu;
const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/u;
const BULLET = /^\s*[-*+]\s+(.*)$/u;
const NUMBER = /^\s*\d+[.)]\s+(.*)$/u;

/**
 * @param {string} markdown
 * @param {number} [top] level of the highest heading in the page
 * @returns {HTMLElement[]}
 */
export function fromMarkdown(markdown, top = 3) {
  const nodes = [];
  let open = null; // the paragraph or list that the next line may belong to
  for (const raw of markdown.split(/\r?\n/u)) {
    const heading = HEADING.exec(raw);
    const bullet = BULLET.exec(raw);
    const item = bullet ?? NUMBER.exec(raw);
    if (!raw.trim()) open = null;
    else if (heading) {
      nodes.push(element(`h${Math.min(6, top + heading[1].length - 1)}`, {}, ...inline(heading[2])));
      open = null;
    } else if (item) {
      const tag = bullet ? 'ul' : 'ol';
      if (open?.localName !== tag) nodes.push((open = element(tag)));
      open.append(element('li', {}, ...inline(item[1])));
    } else if (open?.localName === 'p') open.append(' ', ...inline(raw.trim()));
    else if (open) open.lastChild.append(' ', ...inline(raw.trim())); // a line that goes on with the item above it
    else nodes.push((open = element('p', {}, ...inline(raw.trim()))));
  }
  return nodes;
}

function inline(text) {
  const nodes = [];
  let passed = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > passed) nodes.push(text.slice(passed, match.index));
    const [all, code, bold, bold2, italic, italic2] = match;
    if (code !== undefined) nodes.push(element('code', {}, code));
    else if (bold ?? bold2) nodes.push(element('strong', {}, ...inline(bold ?? bold2)));
    else nodes.push(element('em', {}, ...inline(italic ?? italic2)));
    passed = match.index + all.length;
  }
  if (passed < text.length) nodes.push(text.slice(passed));
  return nodes;
}
