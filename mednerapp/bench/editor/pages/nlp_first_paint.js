// streamlit-nlp-annotator's script, called as Streamlit calls a component, with the note that has arrived.

const [assets, data] = await Promise.all(['/values/nlp_assets', '/values/nlp_note'].map((url) => fetch(url).then((answer) => answer.json())));
const script = assets.find((file) => file.endsWith('.js'));
const css = await fetch(assets.find((file) => file.endsWith('.css'))).then((answer) => answer.text());
const { default: component } = await import(script);
const root = document.getElementById('place').attachShadow({ mode: 'open' });
const style = document.createElement('style');
style.textContent = css;
const parentElement = document.createElement('div');
const mount = document.createElement('div');
mount.className = 'react-root';
parentElement.append(mount);
root.append(style, parentElement);
root.host.getBoundingClientRect();

window.peer = {
  show() { component({ parentElement, data, setStateValue: () => {}, setTriggerValue: () => {}, key: 'peer', name: 'peer' }); },
  isShown: () => Boolean(root.querySelector('[data-annotation-id]')),
};
