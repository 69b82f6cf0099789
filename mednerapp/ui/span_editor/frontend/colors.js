//# allFunctionsCalledOnLoad
// The colours of the labels as rules of a style sheet. Written out for the theme that is on, because a rule full of variables is
// worked out anew for every element that takes it, which is what a key would wait for.

export const PLAIN_COLOR = '#808080';

/** A colour from data ends up in CSS: anything but a hexadecimal colour could load a URL. */
export function safeColor(color) {
  return /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.test(color ?? '') ? color : PLAIN_COLOR;
}

/**
 * @param {string[]} colors of the labels: `.label-0` and so on; `.label-none` is for a label that is not among them
 * @param {string} text colour of the text in this theme
 */
export function rulesFor(colors, text) {
  const named = colors.map((color, i) => [`label-${i}`, safeColor(color)]);
  return [...named, ['label-none', PLAIN_COLOR]].map(([name, color]) => rulesOf(name, color, text)).join('\n');
}

function rulesOf(name, color, text) {
  const edge = `color-mix(in srgb, ${color} 60%, ${text})`; // 3:1 against the page in either theme
  const line = (image, width) => `${image} 0 100% / 100% ${width}px no-repeat`;
  const dashes = (ink, gap) => line(`repeating-linear-gradient(90deg, ${edge} 0 ${ink}px, transparent ${ink}px ${gap}px)`, 2);
  const filled = (tint) => `${line(`linear-gradient(${edge}, ${edge})`, 2)}, linear-gradient(${tint}, ${tint})`;
  const hatched = (tint) => `${dashes(6, 10)}, repeating-linear-gradient(135deg, ${tint} 0 4px, transparent 4px 8px)`;
  const tint = (share) => `color-mix(in srgb, ${color} ${share}%, transparent)`;
  return `
    .${name} { --color: ${color}; }
    .${name}[data-badge]::after { color: color-mix(in srgb, ${color} 30%, ${text}); }
    .${name}.confirmed { background: ${filled(tint(22))}; }
    .${name}.confirmed.active { background: ${filled(tint(40))}; }
    .${name}.suggested { background: ${hatched(tint(22))}; }
    .${name}.suggested.active { background: ${hatched(tint(40))}; }
    .${name}.rejected { background: ${dashes(2, 5)}; outline-color: ${edge}; }
    .${name}.gap { background: ${line(`linear-gradient(${edge}, ${edge})`, 1)}; }
    .lines::highlight(medner-ahead-${name}) { background-color: ${tint(40)}; }`;
}
