// A chart of the last five minutes with a legend, which tells the values where
// the pointer is, else now, and a table of the same figures behind it.

/* global uPlot */

import { cssValue, element, keyed, setText } from './dom.mjs';
import { atClock, show } from './format.mjs';
import { STALE_S } from './metrics.mjs';

const SHOWN_S = 300;
const ROW_S = 15;           // between two rows of the table
const HEIGHT_REM = 15;
const FONT_REM = 0.8;
const FILL_ALPHA = '55';   // behind a line's colour, which is #rrggbb

const rem = () =>
  parseFloat(getComputedStyle(document.documentElement).fontSize);

// A line of the chart with what is over it put on top of what is under it.
function stack(rows) {
  const below = [];

  return rows.map((row) => row.map((value, i) => {
    below[i] = (below[i] ?? 0) + value;
    return value === null ? null : below[i];
  }));
}

function niceCeiling(max) {
  const power = 10 ** Math.floor(Math.log10(Math.max(max, 1)));
  return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= max) ?? 10;
}

// what a logarithmic axis shows: whole decades, one at least
const decades = (u, min, max) => (min > 0
  ? [10 ** Math.floor(Math.log10(min)), 10 ** Math.ceil(Math.log10(max) + 1e-9)]
  : [1e-6, 1e-3]);

const powers = (u, axis, min, max) => Array.from(
  { length: Math.round(Math.log10(max / min)) + 1 }, (_, i) => min * 10 ** i);


export class Chart {
  row;              // of CHARTS
  #lines = [];
  #times = [];
  #values = [];     // of each line, by time
  #plot = null;
  #at = null;       // index under the pointer

  constructor(row) {
    this.row = row;
    this.#build();

    new ResizeObserver(() => this.#resize()).observe(this.canvas);
    for (const query of ['(prefers-color-scheme: dark)', 'print']) {
      matchMedia(query).addEventListener('change', () =>
        this.#plot?.redraw(false));
    }
  }

  #build() {
    const { title, note } = this.row;
    this.note = element('small', {}, note);
    this.canvas = element('div', { className: 'canvas', role: 'img' });
    this.legend = element('ul', { className: 'legend' });
    this.head = element('tr');
    this.body = element('tbody');
    this.details = element('details', {}, element('summary', {},
      'As a table'), element('div', { className: 'scroll', tabIndex: 0,
      role: 'group', ariaLabel: `${title}, table` }, element('table', {},
      element('thead', {}, this.head), this.body)));
    this.details.addEventListener('toggle', () => this.#drawTable());
    this.node = element('section', { className: 'panel chart' },
      element('h2', {}, title, ' ', this.note),
      this.canvas, this.legend, this.details);
  }

  add(view) {
    this.#adopt(this.row.lines(view));

    const { time } = view.last;
    const before = this.#times.at(-1);
    if (time <= before) this.#clear();      // the clock was set back
    if (time - before > STALE_S) {
      this.#push(before + 1, null);         // breaks the line
    }
    this.#push(time, view);
    this.#draw();
  }

  #clear() {
    for (const values of [this.#times, ...this.#values]) values.length = 0;
    this.#at = null;
  }

  // without a View: nothing is known of that time
  #push(time, view) {
    this.#times.push(time);
    this.#lines.forEach((line, i) =>
      this.#values[i].push(view ? line.read(view) : null));

    while (this.#times[0] < time - SHOWN_S) {
      this.#times.shift();
      this.#values.forEach((values) => values.shift());
    }
  }

  // Lines keep what they have when others come, and stay when they go.
  #adopt(present) {
    const has = (list, line) => list.some(({ title }) => title === line.title);
    if (present.every((line) => has(this.#lines, line))) return;

    const gone = this.#lines.filter((line) => !has(present, line));
    const lines = [...present, ...gone]
      .sort((a, b) => (a.rank ?? 0) - (b.rank ?? 0));
    const kept = new Map(this.#lines.map(({ title }, i) =>
      [title, this.#values[i]]));
    this.#values = lines.map(({ title }) =>
      kept.get(title) ?? this.#times.map(() => null));
    this.#lines = lines;
    this.#plot?.destroy();
    this.#plot = null;
  }

  #data() {
    const rows = this.row.stacked ? stack(this.#values) : this.#values;
    return [this.#times, ...rows];
  }

  #draw() {
    if (!this.#lines.length) return;
    if (this.#plot) this.#plot.setData(this.#data());
    else this.#plot = new uPlot(this.#options(), this.#data(), this.canvas);
    this.#drawLegend();
    if (this.details.open) this.#drawTable();
  }

  #resize() {
    const width = Math.floor(this.canvas.clientWidth);
    if (width > 0) this.#plot?.setSize({ width, height: HEIGHT_REM * rem() });
  }

  #options() {
    const { logarithmic } = this.row;

    return {
      width: Math.max(200, Math.floor(this.canvas.clientWidth)),
      height: HEIGHT_REM * rem(),
      padding: [rem() / 2, 1.8 * rem(), 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      scales: {
        x: { range: () => [this.#times.at(-1) - SHOWN_S, this.#times.at(-1)] },
        y: logarithmic ? { distr: 3, range: decades }
          : { range: (u, min, max) => [0, niceCeiling(max)] },
      },
      axes: this.#axes(),
      series: [{}, ...this.#lines.map((line) => this.#series(line))],
      bands: this.row.stacked ? this.#lines.slice(1).map((line, i) =>
        ({ series: [i + 2, i + 1] })) : [],
      hooks: { setCursor: [({ cursor }) => {
        this.#at = cursor.idx ?? null;
        this.#drawLegend();
      }] },
    };
  }

  #axes() {
    const axis = {
      stroke: () => cssValue('--soft'),
      font: `${FONT_REM * rem()}px ${cssValue('--sans')}`,
      grid: { stroke: () => cssValue('--line'), width: 1 },
      ticks: { show: false },
    };

    return [
      { ...axis, grid: { show: false }, space: 6 * rem(),
        size: 2.1 * rem(), gap: 0.6 * rem(),
        values: (u, times) => times.map(atClock) },
      { ...axis, size: 4.2 * rem(),
        ...(this.row.logarithmic && { splits: powers, filter: (u, at) => at }),
        values: (u, values) => values.map((value) =>
          (value === null ? '' : show(value, this.row.unit))) },
    ];
  }

  #series({ title, color, dashed }) {
    return {
      label: title,
      stroke: () => cssValue(color),
      fill: this.row.stacked
        ? () => `${cssValue(color)}${FILL_ALPHA}` : undefined,
      width: 2,
      dash: dashed ? [6, 5] : undefined,
      points: { show: false },
    };
  }

  #drawLegend() {
    const { unit } = this.row;
    const at = this.#at ?? this.#times.length - 1;

    setText(this.note, this.#at === null ? this.row.note
      : `at ${atClock(this.#times[at])}`);
    keyed(this.legend, this.#lines.map((line, i) =>
      ({ ...line, value: this.#values[i][at] })), ({ title }) => title,
    ({ title, color, dashed }) => {
      const swatch = element('i', { className: dashed ? 'dashed' : '' });
      swatch.style.setProperty('--color', `var(${color})`);
      return element('li', {}, swatch, `${title} `, element('b'));
    }, (node, { value }) => setText(node.lastChild, show(value, unit)));

    const now = this.#lines.map(({ title }, i) =>
      `${title} ${show(this.#values[i].at(-1), unit)}`).join(', ');
    this.canvas.ariaLabel = `${this.row.title} over the last five minutes. `
      + `At ${atClock(this.#times.at(-1))}: ${now}. `
      + 'The table below has the figures.';
  }

  #drawTable() {
    const rows = [];
    let next = Infinity;

    for (let i = this.#times.length - 1; i >= 0; i--) {
      if (this.#times[i] > next) continue;
      rows.push(i);
      next = this.#times[i] - ROW_S;
    }
    const cell = (text) => element('td', {}, text);
    const column = (text) => element('th', { scope: 'col' }, text);

    this.head.replaceChildren(column('Time'),
      ...this.#lines.map(({ title }) => column(title)));
    this.body.replaceChildren(...rows.map((i) => element('tr', {},
      element('th', { scope: 'row' }, atClock(this.#times[i])),
      ...this.#values.map((values) =>
        cell(show(values[i], this.row.unit))))));
  }
}
