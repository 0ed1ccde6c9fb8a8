// What the dashboard computes from counters, without a browser.
//
// An operator acts on a sentence and a rate.  A restart made a counter go back
// and the rate negative; a tab that had slept bridged the night with one even
// line; and a sentence that says "admitting" over an upstream that fails keeps
// somebody from looking.
//
// SPDX-License-Identifier: BSD-2-Clause

import assert from 'node:assert/strict';
import test from 'node:test';

import { View, bucketQuantile, snapshot }
  from '../../web/dashboard/metrics.mjs';
import { stockOf } from '../../web/dashboard/stock.mjs';
import { verdict } from '../../web/dashboard/verdict.mjs';

const requests = (admit, limit, dry = 0, fail = 0) => ({
  name: 'admission_requests_total', samples: [
    ['admit', '', '0', admit], ['limit', 'rate', '0', limit],
    ['limit', 'rate', '1', dry], ['fail', 'store_down', '0', fail],
  ].map(([verdict, reason, dry_run, value]) =>
    ({ labels: { site: 'shop', verdict, reason, dry_run }, value })) });

const gauge = (name, value, labels = {}) =>
  ({ name: `admission_${name}`, samples: [{ labels, value }] });

const answers = (ok, failed) => ({
  name: 'admission_upstream_responses_total', samples: [
    { labels: { class: '2xx' }, value: ok },
    { labels: { class: '5xx' }, value: failed }] });

// of rooms, by name: [metric, value]
const line = (rooms) => Object.entries(rooms).flatMap(([room, values]) =>
  Object.entries({ room_state: 0, room_stalled: 0, ...values })
    .map(([name, value]) => gauge(name, value, { room })))
  .reduce((all, metric) => {
    const same = all.find(({ name }) => name === metric.name);
    if (same) same.samples.push(...metric.samples);
    else all.push(metric);
    return all;
  }, []);

// of SKUs, by name: available, held, unresolved, sold
const goods = (skus) => ['available', 'held', 'unresolved', 'committed_total']
  .map((name, i) => ({ name: `admission_inventory_${name}`,
    samples: Object.entries(skus).map(([sku, numbers]) =>
      ({ labels: { sku }, value: numbers[i] ?? 0 })) }));

// of all SKUs, also of those that have no numbers of their own
const unresolved = (value) => ({
  name: 'admission_inventory_unresolved_units', samples: [{ labels: {}, value }]});

// of upstreams, by name: the circuit's state, and an operator's word
const circuits = (all) => ['state', 'forced'].map((name, i) => ({
  name: `admission_circuit_${name}`,
  samples: Object.entries(all).map(([circuit, values]) =>
    ({ labels: { circuit }, value: values[i] })) }));

const at = (time, ...metrics) => snapshot({ time, metrics });
const rate = (view, verdict) => view.rate('requests_total', { verdict });

function say(before, after, now = {}) {
  const view = new View([at(100, ...before), at(102, ...after)], 5);
  return verdict(view, { age: 0, trouble: '', ...now });
}


test('a rate is the increase by the server\'s own clock', () => {
  const view = new View([at(10, requests(100, 0)), at(12, requests(150, 3))],
    5);
  assert.equal(rate(view, 'admit'), 25);
  assert.equal(rate(view, 'limit'), 1.5);
});

test('a counter that went back began again at zero', () => {
  const view = new View([at(10, requests(1000, 0)), at(12, requests(8, 0))],
    5);
  assert.equal(rate(view, 'admit'), 4);
});

test('a series that was not there before counts from zero', () => {
  const view = new View([at(10), at(11, requests(5, 0))], 5);
  assert.equal(rate(view, 'admit'), 5);
});

test('a gap is not bridged, nor is the first answer a rate', () => {
  const gap = new View([at(10, requests(0, 0)), at(70, requests(60, 0))], 5);
  assert.equal(rate(gap, 'admit'), null);
  assert.equal(rate(new View([at(10, requests(9, 0))], 5), 'admit'), null);
});

test('quantiles lie within their bucket', () => {
  const buckets = [[0.001, 50], [0.01, 90], [0.1, 100], [Infinity, 100]];
  assert.equal(bucketQuantile(buckets, 0.5), 0.001);
  assert.ok(Math.abs(bucketQuantile(buckets, 0.95) - 0.055) < 1e-12);
  assert.equal(bucketQuantile([[1, 0], [Infinity, 7]], 0.5), 1);
  assert.equal(bucketQuantile([[1, 0], [Infinity, 0]], 0.5), null);
});

test('a quantile of one room is not that of another', () => {
  const waits = (a, b) => ({ name: 'admission_room_wait_seconds',
    samples: [['a', '1.0', a], ['a', '+Inf', a], ['b', '1.0', 0],
      ['b', '10.0', b], ['b', '+Inf', b]].map(([room, le, value]) =>
      ({ suffix: '_bucket', labels: { room, le }, value })) });
  const view = new View([at(10, waits(5, 5)), at(12, waits(15, 25))], 5);
  const median = (room) => view.quantile('room_wait_seconds', 0.5, { room });

  assert.equal(median('a'), 0.5);
  assert.equal(median('b'), 5.5);
  assert.equal(median('c'), null);
});

const SENTENCES = {
  'No traffic': say([requests(9, 9)], [requests(9, 9)]),
  'Admitting 400/s': say([requests(0, 9)], [requests(800, 9)]),
  'Admitting 412/s, refusing 3,120/s (rate)':
    say([requests(0, 0)], [requests(824, 6240)]),
  'Dry run: nothing is refused, 10/s would be (rate)':
    say([requests(0, 0)], [requests(0, 0, 20)]),
  'Dry run: nothing is refused':
    say([requests(0, 0)], [requests(9, 0)], { mode: 'dry_run' }),
  'Off: everything passes, nothing is decided':
    say([requests(0, 0)], [requests(0, 0)], { mode: 'off' }),
  'Upstream is failing: 31% of answers are 5xx':
    say([requests(0, 0), answers(0, 0)], [requests(9, 0), answers(69, 31)]),
  'Worker event loops are behind: 240\u00a0ms':
    say([requests(0, 0)], [requests(9, 0), gauge('loop_lag_seconds', 0.24)]),
  'Deciding fails for 2.0/s (store_down)':
    say([requests(0, 0)], [requests(9, 0, 0, 4)]),
  'Zone checkout is full: 97% used': say([requests(0, 0)], [requests(9, 0),
    gauge('zone_used_ratio', 0.97, { zone: 'checkout', table: 'rate' })]),
  '1,500 people wait, letting in 60/s':
    say([...line({ a: { room_admitted_total: 0 },
      b: { room_admitted_total: 7 } })],
    [...line({ a: { room_waiting: 1400, room_admitted_total: 100 },
      b: { room_waiting: 100, room_admitted_total: 27 } })]),
  'The line stands still: a, c': say([requests(0, 0)], [requests(9, 0),
    ...line({ a: { room_stalled: 1 }, b: {},
      c: { room_stalled: 1, room_state: 1 } })]),
  'Paused, nobody is called: b': say([requests(0, 0)], [requests(9, 0),
    ...line({ a: {}, b: { room_state: 1 } })]),
  'Closed: b': say([requests(0, 0)], [requests(9, 0),
    ...line({ a: { room_state: 1 }, b: { room_state: 2 } })]),
  'Redis does not answer: this node decides by itself':
    say([requests(0, 0)], [requests(9, 0), gauge('store_up', 0),
      gauge('circuit_state', 1, { circuit: 'store' }),
      ...line({ a: { room_stalled: 1 } })]),
  'Redis is slow: 4.0/s are decided without it':
    say([requests(0, 0), gauge('fail_policy_total', 1)],
      [requests(9, 0), gauge('store_up', 1), gauge('fail_policy_total', 9)]),
  'Sold out: a, b, c and 2 more': say([requests(9, 9)], [requests(9, 9),
    ...goods({ a: [0], b: [0], c: [0], d: [0], e: [0], f: [1] })]),
  'Sold out: b': say([requests(9, 9)], [requests(9, 9),
    ...goods({ a: [5], b: [0, 0, 0, 9] })]),
  'All reserved, none is free: a': say([requests(9, 9)], [requests(9, 9),
    ...goods({ a: [0, 2] })]),
  'Unresolved units: 3, of orders that were sent and never answered':
    say([requests(9, 9)], [requests(9, 9),
      ...goods({ a: [0, 0, 2] }), unresolved(3)]),
  'Circuit open, nothing reaches the upstream: a, c': say([requests(0, 0)],
    [requests(9, 0), ...circuits({ a: [1, 0], b: [2, 0], c: [1, 0],
      d: [0, 0] })]),
  'An operator lets nothing reach the upstream: b': say([requests(0, 0)],
    [requests(9, 0), ...circuits({ a: [0, 2], b: [1, 1] })]),
  'Nothing comes to disk: a restart would lose lines and switches':
    say([requests(0, 0)], [requests(9, 0), gauge('state_up', 0)]),
  'No data for 7 s: the server does not answer': say([requests(0, 0)],
    [requests(9, 9)], { age: 7.4, trouble: 'the server does not answer' }),
};

for (const [expected, { sentence }] of Object.entries(SENTENCES)) {
  test(`the sentence: ${expected}`, () => assert.equal(sentence, expected));
}

test('stock goes by what leaves it, whatever is put in', () => {
  const pace = (was, is) => {
    const [{ goes, lasts, state }] = stockOf(
      new View([at(10, ...goods({ a: was })), at(40, ...goods({ a: is }))],
        60));
    return [goes, lasts, state];
  };

  assert.deepEqual(pace([10, 0, 0, 0], [4, 1, 2, 3]), [12, 20, '']);
  assert.deepEqual(pace([10, 0, 0, 0], [50, 1, 0, 2]), [6, 500, '']);
  assert.deepEqual(pace([10, 5, 0, 0], [15, 0, 0, 0]), [0, null, '']);
  assert.deepEqual(pace([3, 0, 0, 0], [0, 0, 0, 3]), [6, null, 'Sold out']);
  assert.deepEqual(pace([3, 0, 0, 0], [0, 2, 0, 1]),
    [6, null, 'All reserved']);
});

test('of one look, and of a SKU that was not there, there is no pace', () => {
  const [first] = stockOf(new View([at(10, ...goods({ a: [5] }))], 60));
  assert.deepEqual([first.available, first.goes, first.lasts],
    [5, null, null]);

  const rows = stockOf(new View([at(10, ...goods({ a: [5] })),
    at(20, ...goods({ a: [5], b: [7] }))], 60));
  assert.deepEqual(rows.map(({ sku, goes }) => [sku, goes]),
    [['a', 0], ['b', null]]);
});

test('what is worse is said first, the rest after it', () => {
  const { also, level } = say([requests(0, 0), answers(0, 0)],
    [requests(20, 8), answers(0, 20), gauge('loop_lag_seconds', 0.5)]);
  assert.equal(level, 'bad');
  assert.deepEqual(also, ['Upstream is failing: 100% of answers are 5xx',
    'Admitting 10/s, refusing 4.0/s (rate)']);
});

test('one failed answer is no failing upstream', () => {
  const { sentence } = say([requests(0, 0), answers(0, 0)],
    [requests(2, 0), answers(0, 1)]);
  assert.equal(sentence, 'Admitting 1.0/s');
});
