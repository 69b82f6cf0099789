//# allFunctionsCalledOnLoad
// Building blocks for the parts around the text. Text reaches the page as text nodes only, never as markup.

/**
 * @param {string} tag
 * @param {Record<string, any>} attributes `onclick` and the like become listeners, false and null leave an attribute out
 * @param {...(Node | string)} children strings become text nodes
 * @returns {HTMLElement}
 */
export function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children);
  return node;
}

/** A button that leaves the text selection and the focus where they are when it is clicked. */
export function button(content, onclick, attributes = {}) {
  return element('button', {
    type: 'button', onclick, onmousedown: (event) => event.preventDefault(), ...attributes,
  }, ...[content].flat());
}

/** Makes a group of buttons one tab stop; the arrow keys move inside it (WAI-ARIA toolbar pattern). */
export function rovingFocus(group) {
  const buttons = () => [...group.querySelectorAll('button:not([disabled])')];
  const current = () => buttons().find((one) => one.tabIndex === 0) ?? buttons()[0];
  const choose = (chosen) => group.querySelectorAll('button').forEach((one) => { one.tabIndex = one === chosen ? 0 : -1; });
  group.addEventListener('focusin', (event) => choose(event.target));
  group.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const all = buttons();
    all[(all.indexOf(event.target) + step + all.length) % all.length]?.focus();
    event.preventDefault();
    event.stopPropagation();
  });
  return () => choose(current());
}
