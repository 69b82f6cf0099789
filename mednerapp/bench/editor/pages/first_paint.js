// Two ways to show the note that has arrived, in the same shadow root with the same style sheet: `editor`, our component, or
// `block`, its text as one plain block in the same pane.
import spanEditor from '/frontend/span_editor.js';

const [css, data] = await Promise.all([
  fetch('/frontend/span_editor.css').then((answer) => answer.text()),
  fetch('/values/note').then((answer) => answer.json()),
]);
const root = document.getElementById('place').attachShadow({ mode: 'open' });
const style = document.createElement('style');
style.textContent = css;
const parentElement = document.createElement('div');
root.append(style, parentElement);
for (const node of [root.host, parentElement]) node.getBoundingClientRect(); // the style sheet is parsed

function block() {
  const [editor, pane, text] = ['editor', 'pane', 'text'].map((name) => {
    const element = document.createElement('div');
    element.className = name;
    return element;
  });
  text.textContent = data.text;
  pane.append(text);
  editor.append(pane);
  parentElement.append(editor);
}

window.show = {
  block,
  editor: () => { spanEditor({ parentElement, data, setStateValue: () => {} }); },
};
