// Does with the component what Streamlit does: a run for every press of a button and every value that the editor sets.

import spanEditor from '/_stcore/bidi-components/mednerapp.span_editor/span_editor.js';

const session = `${Math.random()}`;
const values = {};
const parentElement = document.querySelector('[data-testid]').attachShadow({ mode: 'open' });
const around = document.createElement('div');
const style = document.createElement('link');
style.rel = 'stylesheet';
style.href = '/_stcore/bidi-components/mednerapp.span_editor/span_editor.css';
around.append(style);
parentElement.append(around);

let cleanUp = null;
let last = new Promise((done) => { style.addEventListener('load', done); });

async function run() {
  const body = JSON.stringify({ session, values });
  const answer = await fetch('/harness/run', { method: 'POST', body });
  const { data, runs } = await answer.json();
  const superseded = cleanUp;
  cleanUp = spanEditor({ parentElement, data, setStateValue });
  superseded?.();
  document.getElementById('runs').textContent = `Run ${runs}`;
}

function again() {
  last = last.then(run);
}

function setStateValue(name, value) {
  values[name] = value;
  again();
}

for (const id of ['before', 'after']) document.getElementById(id).addEventListener('click', again);
again();
