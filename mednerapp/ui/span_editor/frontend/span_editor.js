//# allFunctionsCalledOnLoad
// Entry point that Streamlit calls when the component appears and after every change of its data or theme.
//
// The first line of the files in this folder is a hint: browsers that know it (Chromium since 136) compile all functions of a file as
// it is loaded, instead of each when it is first called, which for most is before the first frame or at the first key.

import { SpanEditor } from './editor.js';

/** @type {WeakMap<Node, SpanEditor>} an editor lives as long as its place in the page, over all reruns */
const editors = new WeakMap();

/**
 * @param {object} component
 * @param {ParentNode & Node} component.parentElement
 * @param {import('./data.js').EditorData} component.data
 * @param {(name: string, value: any) => void} component.setStateValue
 * @returns {() => void} clean-up
 */
export default function spanEditor({ parentElement, data, setStateValue }) {
  if (!editors.has(parentElement)) {
    const editor = new SpanEditor(parentElement);
    editors.set(parentElement, editor);
    exposeSnapshot(parentElement, editor);
  }
  editors.get(parentElement).update(data, setStateValue);
  // Streamlit 1.67 also calls the clean-up of a superseded run while the element stays; only a detached one is gone.
  return () => setTimeout(() => {
    if (parentElement.isConnected || !editors.has(parentElement)) return;
    editors.get(parentElement).destroy();
    editors.delete(parentElement);
  });
}

/** For tests and benchmarks: `host.__mednerSpanEditor.snapshot()` reads the editor's state and can change nothing. */
function exposeSnapshot(parentElement, editor) {
  const hook = Object.freeze({ snapshot: () => editor.snapshot() });
  for (const node of [parentElement, parentElement.getRootNode().host]) {
    if (node) Object.defineProperty(node, '__mednerSpanEditor', { value: hook, configurable: true });
  }
}
