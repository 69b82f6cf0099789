//# allFunctionsCalledOnLoad
// Text selection across the shadow boundary, as offsets.

/**
 * The selected text inside the painter's pane.
 * @param {import('./painter.js').Painter} painter
 * @param {number} length of the text in UTF-16 units: a selection that leaves the pane ends there
 * @returns {{start: number, end: number} | null} UTF-16 offsets; null when nothing in the pane is selected
 */
export function selectedRange(painter, length) {
  const root = painter.element.getRootNode();
  const selection = window.getSelection();
  const range = root instanceof ShadowRoot && selection.getComposedRanges
    ? selection.getComposedRanges({ shadowRoots: [root] })[0]
    : selection.rangeCount ? selection.getRangeAt(0) : null;
  if (!range) return null;
  const { startContainer, startOffset, endContainer, endOffset } = range;
  if (startContainer === endContainer && startOffset === endOffset) return null;
  const startsInside = painter.element.contains(startContainer);
  const endsInside = painter.element.contains(endContainer);
  if (!startsInside && !endsInside) return null;
  const start = startsInside ? painter.offsetOf(startContainer, startOffset) : 0;
  const end = endsInside ? painter.offsetOf(endContainer, endOffset) : length;
  return start !== null && end !== null && start < end ? { start, end } : null;
}

/** Shows [start, end) as the browser's own selection, so that copying works. */
export function select(painter, { start, end }) {
  const range = painter.rangeOf(start, end);
  window.getSelection().setBaseAndExtent(range.startContainer, range.startOffset, range.endContainer, range.endOffset);
  return range;
}

export function clearSelection() {
  window.getSelection().removeAllRanges();
}
