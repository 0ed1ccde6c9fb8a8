// The stock of the SKUs that the configuration names: a row for each, how fast
// it goes, how long it lasts, and a line of the last five minutes.

import { element, keyed, setData, setText } from './dom.mjs';
import { show } from './format.mjs';

export const STOCK_SPAN_S = 60;
const LINE_S = 300;
const LINE = { width: 120, height: 26, margin: 2 };
const SVG_NAMES = 'http://www.w3.org/2000/svg';

const PARTS = ['available', 'held', 'unresolved', 'committed_total'];

// What is known of each SKU: [{ sku, available, ..., goes, lasts, state }].
// goes: units a minute that leave, whether held or sold; what comes back is
// taken off, and what is added is not.  lasts: seconds at that pace.
export function stockOf(view) {
  return view.samples('inventory_available').map(({ labels: { sku } }) => {
    const [available, held, unresolved, sold] = PARTS.map((name) =>
      view.peak(`inventory_${name}`, { sku }));
    const left = PARTS.slice(1).map((name) =>
      view.change(`inventory_${name}`, { sku }));
    const goes = left.includes(null) || view.seconds <= 0 ? null
      : Math.max(0, left.reduce((a, b) => a + b)) * 60 / view.seconds;
    const lasts = goes > 0 && available > 0 ? available * 60 / goes : null;

    return { sku, available, held, unresolved, sold, goes, lasts,
      state: available > 0 ? '' : held + unresolved > 0 ? 'All reserved'
        : 'Sold out' };
  });
}

const STOCK_COLUMNS = [
  { title: 'Available', unit: 'count', read: ({ available }) => available },
  { title: 'Held', unit: 'count', read: ({ held }) => held },
  { title: 'Unresolved', unit: 'count', read: ({ unresolved }) => unresolved,
    warn: true },
  { title: 'Sold', unit: 'count', read: ({ sold }) => sold },
  { title: 'Goes', unit: 'perMinute', read: ({ goes }) => goes },
  { title: 'Lasts', unit: 'seconds', read: ({ lasts }) => lasts },
];


// [[time, available]] as the points of a line, from zero up
function linePoints(values) {
  const { width, height, margin } = LINE;
  const end = values.at(-1)[0];
  const most = Math.max(1, ...values.map(([, n]) => n));

  return values.map(([time, n]) =>
    `${(width * (1 - (end - time) / LINE_S)).toFixed(1)},${
      (height - margin - (height - 2 * margin) * n / most).toFixed(1)}`)
    .join(' ');
}

function makeLine() {
  const svg = document.createElementNS(SVG_NAMES, 'svg');
  svg.setAttribute('viewBox', `0 0 ${LINE.width} ${LINE.height}`);
  svg.setAttribute('aria-hidden', 'true');
  svg.classList.add('line');
  svg.append(document.createElementNS(SVG_NAMES, 'polyline'));
  return svg;
}


export class Stock {
  #seen = new Map();        // by SKU: what was available, and when

  constructor() {
    const head = ['SKU', ...STOCK_COLUMNS.map(({ title }) => title),
      'Last five minutes'].map((title) =>
      element('th', { scope: 'col' }, title));
    head.slice(1, -1).forEach((cell) => cell.classList.add('number'));

    this.body = element('tbody');
    this.node = element('section', { className: 'panel stock',
      ariaLabel: 'Stock' }, element('h2', {}, 'Stock'),
    element('div', { className: 'scroll', tabIndex: 0, role: 'group',
      ariaLabel: 'Stock, table' }, element('table', {},
      element('thead', {}, element('tr', {}, ...head)), this.body)));
  }

  show(view) {
    const rows = stockOf(view);

    for (const { sku, available } of rows) {
      this.#keep(sku, view.last.time, available);
    }
    keyed(this.body, rows, ({ sku }) => sku, (row) => this.#make(row),
      (node, row) => this.#update(node, row));
  }

  #keep(sku, time, available) {
    const values = this.#seen.get(sku) ?? [];
    if (time <= values.at(-1)?.[0]) values.length = 0;   // the clock was set
    values.push([time, available]);
    while (values[0][0] < time - LINE_S) values.shift();
    this.#seen.set(sku, values);
  }

  #make({ sku }) {
    return element('tr', {}, element('th', { scope: 'row' }, `${sku} `,
      element('span', { className: 'level' })),
    ...STOCK_COLUMNS.map(() => element('td', { className: 'number' },
      element('span', { className: 'value' }))),
    element('td', {}, makeLine()));
  }

  #update(node, row) {
    const cells = [...node.children];

    setText(cells[0].lastChild, row.state);
    setData(cells[0], 'level', row.state && 'warn');
    STOCK_COLUMNS.forEach(({ read, unit, warn }, i) => {
      const value = read(row);
      setText(cells[i + 1].firstChild, show(value, unit));
      setData(cells[i + 1], 'level', warn && value > 0 && 'warn');
    });
    cells.at(-1).firstChild.firstChild.setAttribute('points',
      linePoints(this.#seen.get(row.sku)));
  }
}
