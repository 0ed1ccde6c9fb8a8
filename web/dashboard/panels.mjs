// What the page shows: one row for each figure, chart, table and fact.  A row
// whose metric the server does not have is hidden.
//
//   metric   its name without "admission_"; rows about the node have none
//   unit     how it is written: see format.mjs
//   read     computes it from a View
//   warn     from here on it is told as high; bad: as critical
//   note     what a reader has to know, beside the title

import { show } from './format.mjs';
import { notAdmitted, passed, refused, verdictColor, verdictRank,
  verdictTitle, wouldRefuse } from './verdicts.mjs';

const UNNAMED = '(unnamed)';
const ROOM_SPAN_S = 30;     // people come less often than requests

const QUANTILES = { P50: 0.5, P95: 0.95, P99: 0.99 };

// no answer is an error too; a client that left is none of the upstream's
export const serverError = ({ class: status }) =>
  status === '5xx' || status === 'none';

const quantiles = (metric) => (v) => Object.entries(QUANTILES)
  .map(([name, q]) => [name, v.quantile(metric, q)]);


// The big numbers.  read gives one value, or [name, value] pairs.
export const FIGURES = [
  { title: 'Admitted', metric: 'requests_total', unit: 'rate', tone: 'good',
    note: 'to the upstream',
    read: (v) => v.rate('requests_total', passed) },
  { title: 'Refused', metric: 'requests_total', unit: 'rate', tone: 'refused',
    note: 'at the edge',
    read: (v) => v.rate('requests_total', refused) },
  { title: 'Would refuse', metric: 'requests_total', unit: 'rate',
    tone: 'dry', note: 'in dry run',
    unless: (v) => v.total('requests_total', wouldRefuse) === 0,
    read: (v) => v.rate('requests_total', wouldRefuse) },
  { title: 'Errors', metric: 'upstream_responses_total', unit: 'share',
    note: '5xx or no answer', warn: 0.01, bad: 0.1,
    read: (v) => v.share('upstream_responses_total', serverError) },
  { title: 'Decision time', metric: 'decision_seconds', unit: 'seconds',
    note: 'our own, last 10 s', warn: 0.005, bad: 0.05, span: 10,
    read: quantiles('decision_seconds') },
  { title: 'Upstream time', metric: 'upstream_seconds', unit: 'seconds',
    note: 'last 10 s', warn: 1, bad: 5, span: 10,
    read: quantiles('upstream_seconds') },
];


// One line for each verdict that has been.
function verdictLines(v) {
  const lines = new Map();

  for (const { labels, value } of v.samples('requests_total')) {
    const title = verdictTitle(labels);
    if (lines.has(title) || (value === 0 && labels.verdict !== 'admit')) {
      continue;
    }
    lines.set(title, { title, rank: verdictRank(labels),
      color: verdictColor(labels), dashed: wouldRefuse(labels),
      read: (w) => w.rate('requests_total',
        (other) => verdictTitle(other) === title) });
  }
  return [...lines.values()].sort((a, b) => a.rank - b.rank);
}

const latencyLines = (metric, name, color) => [0.5, 0.99].map((q) => ({
  title: `${name} P${q * 100}`, metric, color, dashed: q === 0.5,
  read: (v) => v.quantile(metric, q) }));

// Over the last five minutes.  lines gives what is drawn: a chart is made anew
// when their titles change.
export const CHARTS = [
  { title: 'Requests by verdict', note: 'per second', metric: 'requests_total',
    unit: 'number', stacked: true, span: 1, lines: verdictLines },
  { title: 'Time taken', note: 'logarithmic scale', metric: 'decision_seconds',
    unit: 'seconds', logarithmic: true, span: 5,
    lines: (v) => [
      ...latencyLines('upstream_seconds', 'Upstream', '--upstream'),
      ...latencyLines('decision_seconds', 'Decision', '--decision'),
    ].filter(({ metric }) => v.has(metric)) },
];


// by the metric room_state
const ROOM_STATES = [
  { title: 'Open', level: 'good' }, { title: 'Paused', level: 'warn' },
  { title: 'Closed', level: 'warn' }, { title: 'Over', level: '' },
  { title: 'Sold out', level: 'warn' },
  { title: 'All reserved', level: 'warn' }];

export function roomState(v, where) {
  return v.peak('room_stalled', where) > 0
    ? { title: 'Stands still', level: 'bad' }
    : ROOM_STATES[v.peak('room_state', where)]
      ?? { title: 'Unknown', level: '' };
}

const two = (metric, where) => (v) => ['P50', 'P95'].map((name) =>
  [name, v.quantile(metric, QUANTILES[name], where)]);

// The figures of one room, as FIGURES; where: the samples that are its own.
export const roomFigures = (where) => [
  { title: 'Waiting', unit: 'count', note: () => 'in line',
    read: (v) => v.peak('room_waiting', where) },
  { title: 'Called', unit: 'count', note: () => 'and still to come',
    read: (v) => v.peak('room_expected', where) },
  { title: 'Inside', unit: 'count', note: (v) => {
    const most = v.peak('room_max_active', where);
    return most ? `of ${show(most, 'count')}` : 'no ceiling';
  }, read: (v) => v.peak('room_active', where) },
  { title: 'Let in', unit: 'rate', tone: 'good', note: (v) =>
    `target ${show(v.peak('room_admission_rate', where), 'rate')}`,
  read: (v) => v.rate('room_admitted_total', where) },
  { title: 'Time in line', unit: 'seconds', span: ROOM_SPAN_S,
    note: () => 'of those who came in the last 30 s',
    read: two('room_wait_seconds', where) },
  { title: 'Estimates are off by', unit: 'seconds', span: ROOM_SPAN_S,
    note: () => 'of what was told them', read:
    two('room_estimate_error_seconds', where) },
];

// The chart of one room, as CHARTS.
export const roomChart = (room, where) => ({
  title: `Line of ${room}`, note: 'per second', unit: 'number', span: 2,
  lines: () => [
    { title: 'Joined', color: '--verdict-wait',
      read: (v) => v.rate('room_joined_total', where) },
    { title: 'Claimed', color: '--verdict-admit',
      read: (v) => v.rate('room_claimed_total', where) },
    { title: 'Lapsed', color: '--verdict-limit',
      read: (v) => v.rate('room_lapsed_total', where) },
    { title: 'Target', color: '--calm', dashed: true,
      read: (v) => v.peak('room_admission_rate', where) }] });


// The upstreams that have a gate: [{ upstream, circuit }], its labels.
export const gates = (v) => v.samples('circuit_forced')
  .map(({ labels: { circuit } }) => ({ upstream: circuit, circuit }));

// by the metric circuit_state, and with an operator's word
const CIRCUITS = [{ title: 'Serves', level: 'good' },
  { title: 'Circuit open', level: 'bad' },
  { title: 'Tries again', level: 'warn' }];
const FORCED_OPEN = 1;

export function gateState(v, { upstream, circuit }) {
  const state = v.peak('circuit_state', { circuit });

  if (v.peak('circuit_forced', { circuit }) === FORCED_OPEN) {
    return { title: 'Held open by an operator', level: 'warn' };
  }
  return state === 0 && v.rate('shed_total', { upstream }) > 0
    ? { title: 'Sheds', level: 'refused' }
    : CIRCUITS[state] ?? { title: 'Unknown', level: '' };
}

function limitNote(v, where) {
  const share = v.peak('concurrency_share', where);
  const limit = v.peak('concurrency_limit', where);

  if (share === null) return 'no limit';
  return `of ${show(share, 'number')}${share === limit ? ' at most'
    : `, this node’s share of ${show(limit, 'number')}`}`;
}

// The figures of one upstream, as FIGURES; where: its own samples.
export const gateFigures = (where) => [
  { title: 'In flight', unit: 'count', note: (v) => limitNote(v, where),
    read: (v) => v.peak('inflight', where) },
  { title: 'Served', unit: 'rate', tone: 'good', note: (v) =>
    `of ${show(v.peak('upstream_offered_rate', where), 'rate')} that come`,
  read: (v) => v.peak('upstream_served_rate', where) },
  { title: 'Shed', unit: 'rate', tone: 'refused',
    note: () => 'refused, or sent to the fallback',
    read: (v) => v.rate('shed_total', where) },
  { title: 'Cut off', unit: 'share', tone: 'refused',
    note: () => 'of those who come, the last by priority',
    read: (v) => v.peak('shed_cut_ratio', where) },
  { title: 'Needs', unit: 'seconds', note: () => 'for an answer, a median',
    read: (v) => v.peak('upstream_needs_seconds', where) || null },
];

// The chart of one upstream, as CHARTS, and the table of who is shed.
export const gateChart = (upstream, where) => ({
  title: `In flight at ${upstream}`, note: 'requests', unit: 'number', span: 2,
  lines: () => [
    { title: 'In flight', color: '--verdict-admit',
      read: (v) => v.peak('inflight', where) },
    { title: 'Limit', color: '--calm', dashed: true,
      read: (v) => v.peak('concurrency_share', where) }] });

export const gateTable = (upstream) => ({
  title: `Who is shed at ${upstream}`, metric: 'shed_offers_total',
  where: (labels) => labels.upstream === upstream,
  empty: 'Nobody has come yet.',
  by: { Who: ({ priority }) => (priority === 'holder'
    ? 'Has a pass, a hold or a key' : `Priority ${priority}`) },
  columns: [
    { title: 'Came', unit: 'rate',
      read: (v, where) => v.rate('shed_offers_total', where) },
    { title: 'Shed', unit: 'rate',
      read: (v, where) => v.rate('shed_total', where) },
    { title: 'Shed in all', unit: 'count',
      read: (v, where) => v.total('shed_total', where) }] });


// holds there may be, also of SKUs that the configuration does not name
export const hasStock = (v) => v.samples('inventory_available').length > 0
  || v.samples('zone_used_ratio', ({ table }) =>
    ['holds', 'outbox'].includes(table)).length > 0;

// where there is no Redis all of this is hidden
const noStore = (v) => v.samples('store_up').length === 0;

// Redis as this node sees it; null where there is none.
export function storeState(v) {
  if (noStore(v)) return null;
  if (v.peak('store_up') > 0) return { title: 'Up', level: 'good' };
  return v.peak('circuit_state', { circuit: 'store' }) > 0
    ? { title: 'Circuit open', level: 'bad' }
    : { title: 'Down', level: 'bad' };
}

const answered = ({ outcome }) => outcome === 'ok';
const unanswered = (labels) => !answered(labels);

// The figures of Redis, as FIGURES.
export const STORE = [
  { title: 'Answers in', unit: 'seconds', span: 10, warn: 0.02, bad: 0.1,
    note: 'last 10 s', read: quantiles('store_seconds') },
  { title: 'Commands', unit: 'rate', note: (v) =>
    `${show(v.total('store_calls'), 'count')} under way`,
  read: (v) => v.rate('store_trips_total', answered) },
  { title: 'Without an answer', unit: 'rate', tone: 'refused',
    note: 'not sent, late or an error',
    read: (v) => v.rate('store_trips_total', unanswered) },
  { title: 'Decided without it', unit: 'rate', tone: 'refused',
    note: 'by admission_on_store_failure',
    read: (v) => v.rate('fail_policy_total') },
  { title: 'Nodes', unit: 'count', note: 'in the fleet',
    read: (v) => v.peak('fleet_nodes') },
  { title: 'Shared keys', unit: 'count', note: 'of limits of the fleet',
    unless: (v) => v.samples('fleet_keys').length === 0,
    read: (v) => v.total('fleet_keys') },
];


const perSecond = (metric) => ({ title: 'Per second', metric, unit: 'rate',
  bar: 'part', read: (v, where) => v.rate(metric, where) });
const total = (metric, title = 'Total') => ({ title, metric, unit: 'count',
  read: (v, where) => v.total(metric, where) });
const gauge = (metric, title, unit) => ({ title, metric, unit,
  read: (v, where) => v.peak(metric, where) });

// by: the columns that tell rows apart, from a sample's labels; samples that
// share them share a row.  columns: the figures of a row.  where: the samples
// that have a row; used: only if they have ever counted.
export const TABLES = [
  { title: 'Refusals by reason', metric: 'requests_total', used: true,
    where: notAdmitted, empty: 'Nothing has been refused.',
    by: { Reason: ({ reason }) => reason || 'none', Verdict: verdictTitle },
    columns: [perSecond('requests_total'), total('requests_total')] },
  { title: 'Policies', metric: 'policy_total',
    by: { Policy: ({ policy }) => policy, Name: ({ name }) => name,
      Verdict: verdictTitle },
    columns: [perSecond('policy_total'), total('policy_total')] },
  { title: 'Sites', metric: 'requests_total', used: true,
    empty: 'No requests yet.',
    by: { Site: ({ site }) => site || UNNAMED, Verdict: verdictTitle },
    columns: [perSecond('requests_total'), total('requests_total')] },
  { title: 'Upstream’s answers', metric: 'upstream_responses_total',
    used: true, empty: 'No answers yet.',
    by: { Class: ({ class: status }) => status },
    columns: [perSecond('upstream_responses_total'),
      total('upstream_responses_total')] },
  { title: 'Upstreams', metric: 'inflight', empty: 'No upstream is used.',
    by: { Upstream: ({ upstream }) => upstream || UNNAMED },
    columns: [gauge('inflight', 'In flight', 'count'),
      { ...gauge('concurrency_share', 'Limit', 'number'),
        unless: (v) => v.samples('concurrency_share').length === 0 }] },
  { title: 'Idempotency keys', metric: 'idempotency_total', used: true,
    unless: (v) => v.total('idempotency_total') === 0,
    by: { Outcome: ({ outcome }) => outcome.replaceAll('_', ' ') },
    columns: [perSecond('idempotency_total'), total('idempotency_total')] },
  { title: 'Commands to Redis', metric: 'store_trips_total', used: true,
    unless: noStore, empty: 'No commands yet.',
    by: { Command: ({ command }) => command,
      Outcome: ({ outcome }) => outcome },
    columns: [perSecond('store_trips_total'), total('store_trips_total')] },
  { title: 'Without Redis', metric: 'fail_policy_total', used: true,
    unless: noStore, empty: 'Redis has always answered.',
    by: { Policy: ({ policy }) => policy, Action: ({ action }) => action },
    columns: [perSecond('fail_policy_total'), total('fail_policy_total')] },
  { title: 'Zones', metric: 'zone_used_ratio',
    by: { Zone: ({ zone }) => zone, Table: ({ table }) => table },
    columns: [
      { ...gauge('zone_used_ratio', 'Used', 'share'), bar: 'whole',
        warn: 0.8, bad: 0.95 },
      total('evictions_total', 'Evictions'),
      total('table_full_total', 'Found it full')] },
];


// About the node.  read gets a View.
export const FACTS = [
  { title: 'Node', unit: 'text', read: (v) => v.last.node },
  { title: 'Admission', unit: 'text', read: (v) => v.last.version },
  { title: 'nginx', unit: 'text', read: (v) => v.last.nginx },
  { title: 'Configuration', unit: 'text',
    read: (v) => `generation ${v.last.generation}` },
  { title: 'Workers', metric: 'processes', unit: 'count',
    read: (v) => v.total('processes') },
  { title: 'Offered demand', metric: 'offered_demand', unit: 'rate',
    read: (v) => v.peak('offered_demand') },
  { title: 'Rooms will let in', metric: 'expected_demand', unit: 'text',
    unless: (v) => v.samples('room_state').length === 0,
    read: (v) => ['60', '300'].map((horizon) =>
      `${show(v.peak('expected_demand', { horizon }), 'count')} in ${
        show(Number(horizon), 'seconds')}`).join(', ') },
  { title: 'Redis is still to be told', metric: 'outbox_owed', unit: 'count',
    unless: (v) => v.samples('outbox_owed').length === 0,
    read: (v) => v.total('outbox_owed') },
  { title: 'Event loop lag', metric: 'loop_lag_seconds', unit: 'seconds',
    warn: 0.02, bad: 0.1, read: (v) => v.peak('loop_lag_seconds') },
  { title: 'Waiting for the store', metric: 'suspended_requests',
    unit: 'count', read: (v) => v.total('suspended_requests') },
  { title: 'Left before the decision', metric: 'abandoned_total',
    unit: 'count', read: (v) => v.total('abandoned_total') },
];
