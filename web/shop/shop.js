// The demo shop's page. What it expects of the server:
//
//   POST /buy     with "Accept: application/json", and an Idempotency-Key: the same order has the same key
//     200         {"order": ID, "item": NAME}; a replay has the field Idempotent-Replayed
//     refused     application/problem+json (RFC 9457): type, title, status, detail, instance, and reason, policy,
//                 retry_after where they apply; the field Retry-After says when to come back
//     in line     the same, with room, state, poll_after_ms, and position and wait_seconds where they are known
//   GET /buy      with "Admission-Poll: 1", the state in that line, which claims nothing:
//     any         {"room", "state", "poll_after_ms", ...}, and claim_expires_in when it is this shopper's turn
//   GET /status?format=json
//     200         {"node", "metrics": [{"name", "type", "help", "samples": [{"labels": {...}, "value"}]}]}, of which
//                 are read admission_requests_total, by its labels verdict and dry_run, and admission_inventory_available
//                 and admission_inventory_held, by sku
//
// Anything missing is shown as a dash. A module script: nothing here is global. Without it the form still works.

const CROWD = 60, CROWD_MS = 2000;      // orders that the crowd sends, spread over this time
const POLL_MS = 1000;                   // between two looks at /status
const CHART_W = 60, CHART_H = 24;       // the chart's viewBox: one look at /status is one wide

const byId = (id) => document.getElementById(id);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const [form, buy, crowd, result, left] = ['order', 'buy', 'crowd', 'result', 'left'].map(byId);

function element(name, textContent = '', className = '') {
  return Object.assign(document.createElement(name), { textContent, className });
}

// A row of a definition list.
function pair(label, value, className) {
  const row = element('div', '', className);
  row.append(element('dt', label), element('dd', value));
  return row;
}

// A busy button keeps the focus: aria-disabled instead of disabled, and its clicks are ignored.
const isBusy = (button) => button.ariaDisabled === 'true';
const setBusy = (button, busy, label) => Object.assign(button, { ariaDisabled: String(busy), textContent: label });

// Seconds until a retry is welcome: the later of the field (seconds or a date) and the body; 0 if neither says.
function retryAfter(response, body) {
  const field = response.headers.get('Retry-After') ?? '';
  const seconds = /^\d+$/.test(field) ? Number(field) : (Date.parse(field) - Date.now()) / 1000;
  return Math.max(0, ...[seconds, Number(body.retry_after)].filter(Number.isFinite).map(Math.ceil));
}

const inLine = (body) => typeof body?.room === 'string' && Number.isFinite(body.poll_after_ms)
  && ['waiting', 'pre', 'paused', 'called', 'unknown'].includes(body.state);

// crypto.randomUUID() is not there for a page that came by plain HTTP from another machine.
const newKey = () => crypto.getRandomValues(new Uint8Array(16)).reduce((key, byte) =>
  key + byte.toString(16).padStart(2, '0'), '');

// The key of the lamp that this shopper wants: the same over all attempts, also after a reload, until there is an answer
// to it. Without storage it lives as long as the page.
const wanted = {
  key: null,
  get() {
    try { this.key ??= sessionStorage.getItem('order'); } catch { /* no storage */ }
    this.key ??= newKey();
    try { sessionStorage.setItem('order', this.key); } catch { /* no storage */ }
    return this.key;
  },
  done() {
    this.key = null;
    try { sessionStorage.removeItem('order'); } catch { /* no storage */ }
  },
};

// One order. Never throws: { kind: 'admitted', order, item }, { kind: 'waiting', line } with the state in the line, or
// { kind: 'refused' | 'failed', title, detail, ... }.
async function placeOrder(key) {
  let response, body = {};
  try {
    response = await fetch(form.action, {
      method: 'POST',
      headers: { Accept: 'application/json', 'Idempotency-Key': key },
      body: new URLSearchParams(new FormData(form)),
      cache: 'no-store',
      signal: AbortSignal.timeout(15000),
    });
    if (/\bjson\b/.test(response.headers.get('Content-Type'))) body = (await response.json().catch(() => null)) ?? {};
  } catch {
    return { kind: 'failed', reason: 'no answer', title: 'The shop did not answer.',
      detail: 'Check your connection and try again: if the order was made, you get the answer to it, and no second lamp.' };
  }
  const { status } = response;
  if (response.ok) return { kind: 'admitted', order: body.order ?? '—', item: body.item ?? '—' };
  if (inLine(body)) return { kind: 'waiting', reason: 'in line', line: body };
  const answer = { reason: body.reason ?? `status ${status}`, policy: body.policy, instance: body.instance,
    retry: retryAfter(response, body) };
  if (body.title || status === 429) {
    return { ...answer, kind: 'refused', title: body.title ?? 'That was a little fast.',
      detail: body.detail ?? 'The shop takes only so many orders at once. Yours was not sent on.' };
  }
  return { ...answer, kind: 'failed',
    title: status >= 500 ? 'The shop has trouble answering.' : 'The shop did not take this order.',
    detail: `It answered with status ${status}. We have no confirmation that an order was made.` };
}

// Fills the live region. facts: [label, value] pairs, left out where there is no value.
function showResult(kind, title, detail, facts) {
  const list = element('dl');
  list.append(...facts.filter((fact) => fact[1]).map((fact) => pair(...fact)));
  result.replaceChildren(element('strong', title), element('p', detail), ...(list.children.length ? [list] : []));
  result.dataset.kind = kind;
}

// Asks for the state in line; null if there was no answer.
const poll = () => fetch(form.action, {
  headers: { Accept: 'application/json', 'Admission-Poll': '1' },
  cache: 'no-store',
  signal: AbortSignal.timeout(15000),
}).then((response) => response.json()).catch(() => null);

// Waits until it is this shopper's turn, or the line has ended; what was shown never gets worse.
async function standInLine(line) {
  let least = Infinity;
  for (let now = line; inLine(now) && now.state !== 'called'; now = (await poll()) ?? now) {
    least = Math.min(least, now.position ?? Infinity);
    const place = now.state === 'waiting' && Number.isFinite(least) ? least.toLocaleString('en') : '';
    const wait = place && now.wait_seconds >= 0 ? `${Math.max(1, Math.ceil(now.wait_seconds / 10)) * 10} s` : '';
    showResult('waiting', now.state === 'paused' ? 'The line rests.' : 'You are in line.',
      'More people came than the shop can serve at once. Keep this page open; your place is kept.',
      [['Your place', place], ['About', wait]]);
    setBusy(buy, true, 'Waiting in line…');
    await sleep(now.poll_after_ms);
  }
  showResult('called', 'It is your turn.', 'Nothing was ordered yet: press the button once more.', []);
  setBusy(buy, false, 'Buy the lamp now');
}

async function onBuy(event) {
  event.preventDefault();
  if (isBusy(buy)) return;
  setBusy(buy, true, 'Asking the shop…');
  const answer = await placeOrder(wanted.get());
  if (answer.kind === 'waiting') {
    await standInLine(answer.line);
    return;
  }
  if (answer.kind === 'admitted') {
    wanted.done();
    document.documentElement.classList.add('lit');
    showResult('admitted', 'It is yours. Thank you.', 'We have your order and put the light on for you.',
      [['Item', answer.item], ['Order', answer.order]]);
    setBusy(buy, false, 'Buy another');
    return;
  }
  if (answer.reason === 'not_kept') wanted.done();      // it was made
  const why = [answer.reason, answer.policy].filter(Boolean).join(', ');
  showResult(answer.kind, answer.title, answer.detail, [['Why', why], ['Reference', answer.instance]]);
  if (answer.retry > 0) {
    const end = performance.now() + answer.retry * 1000;
    for (let left = answer.retry; left > 0; left = Math.ceil((end - performance.now()) / 1000)) {
      setBusy(buy, true, `Try again in ${left} s`);
      await sleep(200);
    }
    result.append(element('p', 'You can try again now.', 'ready'));
  }
  setBusy(buy, false, 'Try again');
}

// tally: { 'admitted' | 'refused:REASON' | 'failed:REASON' | 'waiting:in line': count }
function showTally(tally) {
  const others = Object.keys(tally).filter((key) => key !== 'admitted').sort();
  byId('tally').replaceChildren(pair('Let through', tally.admitted ?? 0, 'admitted'), ...others.map((key) => {
    const [kind, reason] = key.split(':');
    return pair(`${{ failed: 'Failed', waiting: 'Waits' }[kind] ?? 'Refused'}: ${reason}`, tally[key], kind);
  }));
}

function drawDots() {
  byId('dots').replaceChildren(...Array.from({ length: CROWD }, () => element('i')));
  return [...byId('dots').children];
}

async function onCrowd() {
  if (isBusy(crowd)) return;
  setBusy(crowd, true, 'Here they come…');
  byId('crowd-says').textContent = '';
  const tally = {};
  showTally(tally);
  await Promise.all(drawDots().map(async (dot, i) => {
    await sleep(i * CROWD_MS / CROWD);
    dot.className = 'sent';
    const { kind, reason } = await placeOrder(newKey());
    dot.className = kind;
    const key = reason ? `${kind}:${reason}` : kind;
    tally[key] = (tally[key] ?? 0) + 1;
    showTally(tally);
  }));
  byId('crowd-says').textContent = `${tally.admitted ?? 0} of ${CROWD} orders reached the shop.`;
  setBusy(crowd, false, 'Throw a crowd at it');
}

// { verdict: total } of the decisions in force, or null if the status does not hold them.
function totals(status) {
  const metrics = Array.isArray(status?.metrics) ? status.metrics : [];
  const samples = metrics.find((metric) => metric?.name === 'admission_requests_total')?.samples;
  if (!Array.isArray(samples)) return null;
  const sums = {};
  for (const { labels, value } of samples.filter((sample) => sample?.labels?.verdict && Number.isFinite(sample.value))) {
    if (labels.dry_run !== '1') sums[labels.verdict] = (sums[labels.verdict] ?? 0) + value;
  }
  return sums;
}

// How many lamps are there; nothing if the status does not hold it.
function showLeft(status) {
  const sku = form.elements.namedItem('item').value;
  const count = (name) => status?.metrics?.find?.((metric) => metric?.name === name)?.samples
    ?.find((sample) => sample?.labels?.sku === sku)?.value;
  const [free, held] = ['admission_inventory_available', 'admission_inventory_held'].map(count);
  left.hidden = !Number.isFinite(free);
  if (left.hidden) return;
  const text = free > 0 ? `${free.toLocaleString('en')} left`
    : held > 0 ? 'None left just now: the last ones are being ordered' : 'Sold out';
  if (left.textContent !== text) left.textContent = text;
}

function showCounters(now, before) {
  const number = (value) => (Number.isFinite(value) ? value.toLocaleString('en') : '—');
  byId('counters').replaceChildren(...[...new Set(['admit', 'limit', ...Object.keys(now ?? {})])].map((verdict) => {
    const row = element('tr', '', verdict === 'admit' ? 'admitted' : 'refused');
    const total = now ? now[verdict] ?? 0 : NaN;
    const added = before ? total - (before[verdict] ?? 0) : NaN;
    row.append(element('th', verdict.replaceAll('_', ' ')), element('td', number(total)), element('td', number(added)));
    row.firstChild.scope = 'row';
    return row;
  }));
}

// history: { admitted, refused } of each look, the newest last.
function showChart(history) {
  const peak = Math.max(10, ...history.map(({ admitted, refused }) => admitted + refused));
  const bar = (kind, x, below, count) => {
    const rect = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
    const [height, y] = [count * CHART_H / peak, CHART_H - (below + count) * CHART_H / peak];
    Object.entries({ class: kind, x, y, width: 0.8, height }).forEach((field) => rect.setAttribute(...field));
    return rect;
  };
  byId('chart').replaceChildren(...history.flatMap(({ admitted, refused }, i) => {
    const x = CHART_W - history.length + i;
    return [bar('admitted', x, 0, admitted), bar('refused', x, admitted, refused)];
  }));
  byId('peak').textContent = `full height: ${peak} a second`;
}

async function watchStatus() {
  const history = [];
  for (let before = null, now; ; before = now, await sleep(POLL_MS)) {
    const options = { cache: 'no-store', signal: AbortSignal.timeout(2000) };
    now = document.hidden ? null : await fetch('/status?format=json', options)
      .then((response) => (response.ok ? response.json() : null))
      .then((status) => { showLeft(status); return totals(status); }).catch(() => null);
    showCounters(now, before);
    if (!now || !before) continue;
    const added = (verdict) => Math.max(0, (now[verdict] ?? 0) - (before[verdict] ?? 0));
    const all = Object.keys(now).reduce((sum, verdict) => sum + added(verdict), 0);
    history.push({ admitted: added('admit'), refused: all - added('admit') });
    if (history.length > CHART_W) history.shift();
    showChart(history);
  }
}

form.addEventListener('submit', onBuy);
crowd.addEventListener('click', onCrowd);
byId('backstage').hidden = false;
drawDots();
showTally({});
watchStatus();
