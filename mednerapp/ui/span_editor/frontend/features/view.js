// Text size, line width and scores, as this browser's user likes them. Settings only are kept, no text.

const KEPT = 'medner.view'; // in localStorage
const SIZES = [0.8, 0.9, 1, 1.15, 1.3, 1.5, 1.75, 2];
const WIDTHS = ['full', 100, 80, 60]; // characters
const USUAL = { size: 1, width: 'full', scores: false };

export class View {
  static keys = [
    { names: ['+', '='], command: 'view.size', argument: 1, keys: '+  −  0', help: 'larger, smaller, usual text', group: 'view' },
    { names: ['-', '_', '−'], command: 'view.size', argument: -1 },
    { names: ['0'], shift: false, command: 'view.size', argument: 0 },
    { names: ['w'], shift: false, command: 'view.width', keys: 'W', help: 'line width: full, 100, 80, 60 characters', group: 'view' },
    { names: ['i'], shift: false, command: 'view.scores', keys: 'I', help: 'show or hide scores', group: 'view' },
  ];

  commands = {
    size: (step) => this.#size(step),
    width: () => this.#width(),
    scores: () => this.#scores(),
  };
  #settings = kept();

  /** @param {import('../editor.js').SpanEditor} editor */
  constructor(editor) {
    this.editor = editor;
    this.#apply();
  }

  #size(step) {
    const at = SIZES.indexOf(this.#settings.size);
    const size = step ? SIZES[Math.min(SIZES.length - 1, Math.max(0, at + step))] : USUAL.size;
    this.#change({ size }, `Text size ${Math.round(size * 100)} %.`);
  }

  #width() {
    const width = WIDTHS[(WIDTHS.indexOf(this.#settings.width) + 1) % WIDTHS.length];
    this.#change({ width }, width === 'full' ? 'Full width.' : `Lines of ${width} characters.`);
  }

  #scores() {
    const scores = !this.#settings.scores;
    this.#change({ scores }, scores ? 'Scores are shown.' : 'Scores are hidden.');
  }

  #change(settings, words) {
    this.#settings = { ...this.#settings, ...settings };
    keep(this.#settings);
    this.#apply();
    this.editor.say(words);
  }

  #apply() {
    const { size, width, scores } = this.#settings;
    const { text, root } = this.editor;
    text.style.setProperty('--text-size', String(size));
    text.style.setProperty('--line-width', width === 'full' ? 'none' : `${width}ch`);
    root.classList.toggle('scores', scores);
  }
}

function kept() {
  try {
    const { size, width, scores } = JSON.parse(localStorage.getItem(KEPT)) ?? {};
    return {
      size: SIZES.includes(size) ? size : USUAL.size,
      width: WIDTHS.includes(width) ? width : USUAL.width,
      scores: scores === true,
    };
  } catch {
    return USUAL;
  }
}

function keep(settings) {
  try {
    localStorage.setItem(KEPT, JSON.stringify(settings));
  } catch {
    // storage can be switched off: the settings then last as long as the page
  }
}
