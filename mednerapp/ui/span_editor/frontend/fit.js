//# allFunctionsCalledOnLoad
// The height of the text pane: what the window leaves below everything above it, so that the line under the text is in sight, too.

const LEAST = 320; // px; a window lower than that scrolls
const BELOW = 20; // px that stay free under the status line

export class Fit {
  #height = 0;
  #observer = new ResizeObserver(() => this.now());

  /** @param {import('./editor.js').SpanEditor} editor */
  constructor(editor) {
    this.editor = editor;
    for (const part of [editor.toolbar.element, editor.banner.element, editor.status.element]) this.#observer.observe(part);
    window.addEventListener('resize', this.now);
  }

  destroy() {
    this.#observer.disconnect();
    window.removeEventListener('resize', this.now);
  }

  /** Looks at the page again. */
  now = () => {
    const { pane, status, root, data } = this.editor;
    if (!data || !root.isConnected) return;
    const height = data.height ?? this.#left(pane, status.element);
    if (height === this.#height) return;
    this.#height = height;
    pane.style.height = `${height}px`;
  };

  #left(pane, status) {
    let scrolled = 0;
    for (let node = this.editor.root.getRootNode().host; node; node = node.parentElement) scrolled += node.scrollTop;
    const top = pane.getBoundingClientRect().top + scrolled;
    return Math.max(LEAST, Math.floor(window.innerHeight - top - status.offsetHeight - BELOW));
  }
}
