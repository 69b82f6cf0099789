// A link that opens this note at the active span, for a message to a colleague. It holds numbers only, no text of the note.

import { element } from '../elements.js';

/**
 * @param {string | number} note id
 * @param {{start: number, end: number}} [place] code points
 */
export function linkTo(note, place) {
  const query = new URLSearchParams({ note: String(note) });
  if (place) query.set('span', `${place.start}-${place.end}`);
  return `/annotate?${query}`;
}

export class Link {
  static keys = [{ names: ['y'], shift: false, command: 'link.copy', keys: 'Y', help: 'copy a link to the span', group: 'view' }];

  commands = { copy: () => this.#copy() };

  /** @param {import('../editor.js').SpanEditor} editor */
  constructor(editor) {
    this.editor = editor;
  }

  #copy() {
    const { editor } = this;
    const { data, activeSpan, selected, wire } = editor;
    const note = data.noteId ?? new URLSearchParams(window.location.search).get('note');
    const place = activeSpan ?? selected;
    if (note === null || note === undefined) editor.tell('This note has no address.');
    else this.#put(new URL(linkTo(note, place && wire.rangeToWire(place)), window.location.origin).href, Boolean(place));
    return true;
  }

  async #put(link, toSpan) {
    const done = (await inClipboard(link)) || selectedCopy(this.editor.root, link);
    this.editor.focus();
    if (done) this.editor.tell(`Copied the link to the ${toSpan ? 'span' : 'note'}.`);
    else this.editor.notice(`The browser does not let this page copy. The link: ${link}`);
  }
}

async function inClipboard(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // only on https and localhost, and only if the person allows it
  }
}

/** The older way, which also works on plain http. */
function selectedCopy(root, text) {
  const field = element('textarea', { class: 'voice', 'aria-hidden': 'true' });
  field.value = text;
  root.append(field);
  field.select();
  try {
    return document.execCommand('copy');
  } finally {
    field.remove();
  }
}
