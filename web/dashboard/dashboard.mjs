// The operator's page: asks its own URL for the status once a second and shows
// what is in it.  The rest it computes.

import { Chart } from './charts.mjs';
import { Controls } from './controls.mjs';
import { element, keyed, setData, setText } from './dom.mjs';
import { show } from './format.mjs';
import { STALE_S, View, snapshot } from './metrics.mjs';
import { CHARTS, FACTS, FIGURES, STORE, TABLES, gateChart, gateFigures,
  gateState, gateTable, gates, hasStock, roomChart, roomFigures, roomState,
  storeState } from './panels.mjs';
import { STOCK_SPAN_S, Stock } from './stock.mjs';
import { verdict } from './verdict.mjs';

const POLL_MS = 1000;
const MAX_WAIT_MS = 8000;   // between two attempts while nothing answers
const TIMEOUT_MS = 4000;
const CONTROL_MS = 5000;    // somebody else may change it
const SPAN_S = 5;           // of rates, unless a row says otherwise
const KEPT_S = 65;          // of snapshots, the longest span with room

const byId = (id) => document.getElementById(id);

const history = [];
const charts = CHARTS.map((row) => new Chart(row));
const base = document.body.dataset.control;
const controls = base ? new Controls(base, byId('controls')) : null;
const shownRooms = new Map();    // by name: what is shown of each
const shownGates = new Map();    // likewise, of each upstream
const stock = new Stock();

let answeredAt = null;      // performance.now() of the last answer
let trouble = '';           // why there is none since
let wait = POLL_MS;
let timer = null;
let asking = false;
let said = '';              // id of the condition that was announced


// The levels of a figure, as words too: colour alone tells nothing.
const LEVELS = { warn: 'high', bad: 'critical' };

function level(value, { warn, bad }) {
  if (value === null || warn === undefined) return '';
  return value >= bad ? 'bad' : value >= warn ? 'warn' : '';
}

const isThere = (view) => ({ metric, unless }) =>
  (!metric || view.has(metric)) && !unless?.(view);


function showVerdict() {
  const view = history.length ? new View(history, SPAN_S) : null;
  const age = answeredAt === null ? 0
    : (performance.now() - answeredAt) / 1000;
  const now = verdict(view, { mode: controls?.mode, age, trouble });

  setText(byId('chip'), now.chip);
  setText(byId('sentence'), now.sentence);
  setText(byId('also'), now.also.length ? `${now.also.join('. ')}.` : '');
  setData(byId('verdict'), 'level', now.level);
  showAge(view, age);

  if (now.id !== said) {
    setText(byId('announcement'), `${now.chip}. ${now.sentence}.`);
    said = now.id;
    document.title = [now.chip, view?.last.node, 'Admission']
      .filter(Boolean).join(' · ');
  }
}

function showAge(view, age) {
  setText(byId('age'), view
    ? `Updated ${show(Math.floor(age), 'count')} s ago` : 'Not connected');
  setText(byId('node'), view?.last.node ?? '');
  setData(document.body, 'stale', age > STALE_S && 'yes');
}


function makeFigure({ title, note }) {
  return element('div', { className: 'figure', role: 'group',
    ariaLabel: title }, element('h2', {}, title),
  element('div', { className: 'values' }),
  element('p', { className: 'note' },
    typeof note === 'string' ? note : ''));
}

function updateFigure(node, row) {
  const view = new View(history, row.span ?? SPAN_S);
  const read = row.read(view);
  const pairs = Array.isArray(read) ? read : [['', read]];

  setData(node, 'many', pairs.length > 1 && 'yes');
  setData(node, 'tone', read > 0 && row.tone);
  keyed(node.querySelector('.values'), pairs, ([name]) => name, ([name]) =>
    element('p', {}, element('span', { className: 'name' }, name),
      element('span', { className: 'value' }),
      element('span', { className: 'level' })),
  (value, [, n]) => {
    const high = level(n, row);
    setText(value.children[1], show(n, row.unit));
    setText(value.children[2], LEVELS[high] ?? '');
    setData(value, 'level', high);
  });
  if (typeof row.note === 'function') {
    setText(node.lastChild, row.note(view));
  }
}

function showFigures(view) {
  keyed(byId('figures'), FIGURES.filter(isThere(view)),
    ({ title }) => title, makeFigure, updateFigure);
}


function makeRoom({ room }) {
  const where = { room };
  const chip = element('span', { className: 'chip' });
  const figures = element('div', { className: 'figures' });
  const chart = new Chart(roomChart(room, where));
  const node = element('section', { className: 'room' },
    element('h2', {}, `Room ${room} `, chip), figures, chart.node);

  node.setAttribute('aria-label', `Room ${room}`);
  if (controls) node.append(controls.room(room));
  shownRooms.set(room,
    { where, chip, figures, chart, rows: roomFigures(where) });
  return node;
}

function updateRoom(view, node, { room }) {
  const { where, chip, figures, chart, rows } = shownRooms.get(room);
  const { title, level: high } = roomState(view, where);

  setText(chip, title);
  setData(node, 'level', high);
  keyed(figures, rows, (row) => row.title, makeFigure, updateFigure);
  chart.add(new View(history, chart.row.span));
}

function showRooms(view) {
  const there = view.samples('room_state').map(({ labels }) => labels);

  keyed(byId('rooms'), there, ({ room }) => room, makeRoom,
    (node, labels) => updateRoom(view, node, labels));
  for (const name of shownRooms.keys()) {
    if (there.some(({ room }) => room === name)) continue;
    shownRooms.delete(name);
    controls?.forget(name);
  }
}


function makeGate({ upstream: name }) {
  const where = { upstream: name };
  const chip = element('span', { className: 'chip' });
  const figures = element('div', { className: 'figures' });
  const chart = new Chart(gateChart(name, where));
  const table = gateTable(name);
  const shed = makeTable(table);
  const node = element('section', { className: 'room' },
    element('h2', {}, `Upstream ${name} `, chip), figures, chart.node, shed);

  node.setAttribute('aria-label', `Upstream ${name}`);
  if (controls) node.append(controls.gate(name));
  shownGates.set(name,
    { chip, figures, chart, table, shed, rows: gateFigures(where) });
  return node;
}

function updateGate(view, node, labels) {
  const { chip, figures, chart, table, shed, rows } =
    shownGates.get(labels.upstream);
  const { title, level: high } = gateState(view, labels);

  setText(chip, title);
  setData(node, 'level', high);
  keyed(figures, rows, (row) => row.title, makeFigure, updateFigure);
  chart.add(new View(history, chart.row.span));
  updateTable(view, shed, table);
}

function showGates(view) {
  const there = gates(view);

  keyed(byId('upstreams'), there, ({ upstream }) => upstream, makeGate,
    (node, labels) => updateGate(view, node, labels));
  for (const name of shownGates.keys()) {
    if (there.some(({ upstream }) => upstream === name)) continue;
    shownGates.delete(name);
    controls?.forgetGate(name);
  }
}


function showStock(view) {
  const there = view.samples('inventory_available').length > 0;

  keyed(byId('stock'), there ? [stock] : [], () => 'stock',
    ({ node }) => node, () => {});
  if (there) stock.show(new View(history, STOCK_SPAN_S));
  if (hasStock(view)) controls?.watchHolds(byId('holds'));
}


function makeStore() {
  const node = element('section', { className: 'room' },
    element('h2', {}, 'Redis ', element('span', { className: 'chip' })),
    element('div', { className: 'figures' }));

  node.setAttribute('aria-label', 'Redis');
  return node;
}

function updateStore(view, node, { title, level: high }) {
  setText(node.querySelector('.chip'), title);
  setData(node, 'level', high);
  keyed(node.querySelector('.figures'), STORE.filter(isThere(view)),
    (row) => row.title, makeFigure, updateFigure);
}

function showStore(view) {
  keyed(byId('store'), [storeState(view)].filter(Boolean), () => 'store',
    makeStore, (node, state) => updateStore(view, node, state));
}


function makeTable({ title, by, columns, empty }) {
  const head = [...Object.keys(by), ...columns.map((column) => column.title)]
    .map((text) => element('th', { scope: 'col' }, text));

  head.slice(Object.keys(by).length)
    .forEach((cell) => cell.classList.add('number'));
  return element('section', { className: 'panel' }, element('h2', {}, title),
    element('table', {}, element('thead', {}, element('tr', {}, ...head)),
      element('tbody')),
    element('p', { className: 'empty' }, empty ?? 'None.'));
}

// The samples of a table by row: those that agree in all of its "by" columns.
function tableRows(view, { metric, where, used, by }) {
  const rows = new Map();

  for (const { labels, value } of view.samples(metric, where)) {
    const names = Object.values(by).map((of) => of(labels));
    const key = names.join('\n');
    const row = rows.get(key) ?? { key, names, sum: 0 };
    row.sum += value;
    rows.set(key, row);
  }
  return [...rows.values()].filter(({ sum }) => !used || sum > 0);
}

function makeTableRow(row, { columns }) {
  const [first, ...others] = row.names;
  const names = [element('th', { scope: 'row' }, first),
    ...others.map((text) => element('td', {}, text))];
  const numbers = columns.map(({ bar }) => {
    const cell = element('td', { className: 'number' },
      element('span', { className: 'value' }));
    if (bar) {
      cell.append(element('span', { className: 'bar', ariaHidden: 'true' },
        element('span')));
    }
    return cell;
  });
  return element('tr', {}, ...names, ...numbers);
}

// The values of a column; where its bar is a part, it is one of their sum.
function tableColumns(view, table, rows) {
  return table.columns.map((column) => {
    const values = rows.map(({ key }) => column.read(view, (labels) =>
      (!table.where || table.where(labels))
      && Object.values(table.by).map((of) => of(labels)).join('\n') === key));
    const whole = column.bar === 'part'
      ? values.reduce((sum, value) => sum + (value ?? 0), 0) : 1;

    return { ...column, values, whole };
  });
}

function updateTableRow(node, columns, i, names) {
  columns.forEach((column, j) => {
    const cell = node.children[names + j];
    const value = column.values[i];
    const high = level(value, column);

    setText(cell.firstChild, `${show(value, column.unit)}${
      high ? ` ${LEVELS[high]}` : ''}`);
    setData(cell, 'level', high);
    if (column.bar) {
      cell.lastChild.firstChild.style.width =
        `${100 * Math.min(1, column.whole ? value / column.whole : 0)}%`;
    }
  });
}

function updateTable(view, node, table) {
  const rows = tableRows(view, table);
  const columns = tableColumns(view, table, rows);
  const names = Object.keys(table.by).length;
  let i = 0;

  node.querySelector('table').hidden = rows.length === 0;
  node.querySelector('.empty').hidden = rows.length > 0;
  keyed(node.querySelector('tbody'), rows, ({ key }) => key,
    (row) => makeTableRow(row, table),
    (tr) => updateTableRow(tr, columns, i++, names));
}

function showTables(view) {
  const there = TABLES.filter(isThere(view)).map((table) =>
    ({ ...table, columns: table.columns.filter(isThere(view)) }));

  keyed(byId('tables'), there, ({ title }) => title, makeTable,
    (node, table) => updateTable(view, node, table));
}


function showFacts(view) {
  keyed(byId('facts'), FACTS.filter(isThere(view)), ({ title }) => title,
    ({ title }) => element('div', {}, element('dt', {}, title),
      element('dd')),
    (node, row) => {
      const value = row.read(view);
      const high = level(value, row);
      setText(node.lastChild, `${show(value, row.unit)}${
        high ? ` ${LEVELS[high]}` : ''}`);
      setData(node, 'level', high);
    });
}

function showCharts(view) {
  keyed(byId('charts'), charts.filter((chart) => isThere(view)(chart.row)),
    (chart) => chart, (chart) => chart.node, () => {});
  for (const chart of charts) {
    chart.add(new View(history, chart.row.span));
  }
}

function showAll() {
  const view = new View(history, SPAN_S);

  showVerdict();
  showFigures(view);
  showRooms(view);
  showGates(view);
  showStock(view);
  showStore(view);
  showCharts(view);
  showTables(view);
  showFacts(view);
}


// The document; throws an Error that says in words why there is none.
async function fetchStatus() {
  let response;

  try {
    response = await fetch(`${location.pathname}?format=json`,
      { cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    throw new Error('the server does not answer');
  }
  if (!response.ok) throw new Error(`the server answers ${response.status}`);

  return response.json().catch(() => {
    throw new Error('the answer cannot be read');
  });
}

function accept(doc) {
  const last = snapshot(doc);

  // a clock that was set back: what was before cannot be compared
  if (last.time < history.at(-1)?.time) history.length = 0;
  history.push(last);
  while (history[0].time < last.time - KEPT_S) history.shift();
  answeredAt = performance.now();
  trouble = '';
  showAll();
}

// Asks, and again a second later; while nothing answers, less and less often.
async function poll() {
  if (asking) return;
  asking = true;
  clearTimeout(timer);
  const started = performance.now();
  const answer = await fetchStatus().catch((error) => error);
  asking = false;

  if (answer instanceof Error) {
    trouble = answer.message;
    wait = Math.min(MAX_WAIT_MS, wait * 1.5 * (1 + Math.random() / 2));
    showVerdict();
  } else {
    wait = POLL_MS;
    accept(answer);
  }
  timer = setTimeout(poll, Math.max(100, wait - performance.now() + started));
}


document.addEventListener('visibilitychange', () => {
  if (!document.hidden) poll();
});
addEventListener('online', poll);
setInterval(showVerdict, POLL_MS / 2);
poll();

if (controls) {
  controls.refresh();
  setInterval(() => controls.refresh(), CONTROL_MS);
}
