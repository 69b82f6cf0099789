// @recogito/text-annotator as somebody would use it who gives it keys: a key calls the one method of its interface that does the
// action, with each annotation found by its id. ?renderer=SPANS or CSS_HIGHLIGHTS.

globalThis.process = { env: { NODE_ENV: 'production' } }; // what a bundler puts in
const [imports, { text, labels, spans }] = await Promise.all(
  ['/values/imports', '/values/note'].map((url) => fetch(url).then((answer) => answer.json())),
);
const map = document.createElement('script');
map.type = 'importmap';
map.textContent = JSON.stringify({ imports });
document.head.append(map);
const { createTextAnnotator } = await import('@recogito/text-annotator');

const colors = Object.fromEntries(labels.map(({ name, color }) => [name, color]));
const labelOf = (annotation) => annotation.bodies[0]?.value;
const style = (annotation, state) => ({ fill: colors[labelOf(annotation)], fillOpacity: state?.selected ? 0.5 : 0.25 });
const annotationOf = ({ id, start, end, label }) => ({
  id,
  bodies: [{ id: `${id}-label`, annotation: id, purpose: 'tagging', value: label }],
  target: { annotation: id, selector: [{ quote: text.slice(start, end), start, end }] },
});
const place = document.getElementById('text');
const renderer = new URLSearchParams(location.search).get('renderer');
let annotator;
let order = spans.map(({ id }) => id);
let active = 0;

const current = () => annotator.getAnnotationById(order[active]);
function select() {
  annotator.setSelected(order[active]);
  annotator.scrollIntoView(current());
}
const KEYS = {
  ArrowRight: () => { active += 1; select(); },
  1: () => annotator.updateAnnotation({ ...current(), bodies: [{ ...current().bodies[0], value: 'Disease' }] }),
  2: () => annotator.updateAnnotation({ ...current(), bodies: [{ ...current().bodies[0], value: 'Symptom' }] }),
  z: () => annotator.undo(),
  k: () => {
    const { id, bodies, target: { selector: [{ start, end }] } } = current();
    annotator.updateAnnotation({ ...annotationOf({ id, start, end: end + 3, label: '' }), bodies });
  },
  Delete: () => annotator.removeAnnotation(order[active]),
  5: () => {
    const { end } = current().target.selector[0];
    annotator.addAnnotation(annotationOf({ id: crypto.randomUUID(), start: end + 1, end: end + 6, label: 'Test' }));
  },
};
addEventListener('keydown', (event) => {
  if (!KEYS[event.key] || event.ctrlKey !== (event.key === 'z')) return;
  event.preventDefault();
  event.stopImmediatePropagation(); // its own undo key would do it a second time
  KEYS[event.key]();
});

// It draws some things some milliseconds later: a key counts up to the frame that shows what it did.
let drawn = 0;
new MutationObserver(() => { drawn += 1; }).observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
const { set } = CSS.highlights;
CSS.highlights.set = (...args) => { drawn += 1; return set.apply(CSS.highlights, args); };

window.peer = {
  isShown: () => CSS.highlights.size > 0 || Boolean(document.querySelector('.r6o-annotation')),
  drawing() {
    const before = drawn;
    return () => drawn > before;
  },
  show() {
    place.textContent = text;
    annotator = createTextAnnotator(place, { renderer, style });
    annotator.setAnnotations(spans.map(annotationOf));
  },
  goTo(start) {
    active = spans.findIndex((span) => span.start >= start) - 1;
    if (active < 0) active = 0;
    select();
  },
  state() {
    const all = annotator.getAnnotations();
    return {
      count: all.length, active: order[active],
      hash: JSON.stringify(all.filter(({ id }) => id === order[active]).map(({ bodies, target: { selector: [{ start, end }] } }) => [bodies[0]?.value, start, end])),
    };
  },
};
