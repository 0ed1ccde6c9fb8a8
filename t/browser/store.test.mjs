// The operator's page of a node in a fleet.
//
// While Redis is away a sale goes on, and nobody is called: whoever watches it
// has to see which of the two it is, at a glance, and what is decided without
// Redis meanwhile.  And a node that has none shows nothing of it.
//
// SPDX-License-Identifier: BSD-2-Clause

import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';

import { fits, isAccessible, launch, open } from './lib/browser.mjs';
import { chip, figure, number, sentence, table, total }
  from './lib/dashboard.mjs';
import { Crowd, Nginx, waitFor } from './lib/nginx.mjs';
import { Redis } from './lib/redis.mjs';

const KEYS = `k1:${'a1'.repeat(32)}\n`;

const CONF = (redis) => (port) => `
    ${redis ? `admission_redis ${redis} timeout=2s;
    admission_secret_file keys;` : ''}

    admission_rate each $arg_c rate=1r/s burst=4 scope=exact;
    admission_rate all $arg_c rate=5r/s burst=4
        scope=${redis ? 'fleet' : 'node'};
    admission_room drop { mode always; rate 20r/s; }

    server {
        listen 127.0.0.1:${port};
        location = /each { admission_limit each; empty_gif; }
        location = /all { admission_limit all; empty_gif; }
        location = /buy { admission_wait drop; empty_gif; }
        location = /plain { admission_dashboard; }
    }
`;

let alone, beside, browser, crowd, nginx, page, redis;

const node = (uri) => Nginx.start(CONF(uri), { files: { keys: KEYS } });

before(async () => {
  redis = await Redis.start();
  [browser, nginx, beside, alone] = await Promise.all([launch(),
    node(redis.uri), node(redis.uri), node(null)]);
  page = await open(browser, `${nginx.origin}/plain`);
});

after(async () => {
  await browser?.close();
  await crowd?.end();
  await Promise.all([nginx, beside, alone].map((one) => one?.finish()));
  await redis?.finish();
});

const store = () => page.getByRole('region', { name: 'Redis' });
const value = (title) => figure(store(), title);
const says = (what) => waitFor(`the page says ${what}`, 30,
  async () => what.test(await sentence(page)));
const is = (state) => store().getByText(state).first().waitFor();


test('without one there is nothing of it', async () => {
  const other = await open(browser, `${alone.origin}/plain`);
  await other.getByRole('heading', { name: 'Zones' }).waitFor();
  assert.equal(await other.getByText(/Redis/).count(), 0);
  await other.context().close();
});

test('up: who is there, and how soon it answers', async () => {
  crowd = new Crowd(nginx.port, 40, (i) =>
    (i % 2 ? `/each?c=${i}` : '/all?c=busy'));
  await is(/^Up$/);
  await waitFor('commands', 30, async () =>
    number(await value('Commands')) > 10);
  await waitFor('both', 30, async () => await value('Nodes') === '2');
  assert.equal(await value('Without an answer'), '0/s');
  assert.match(await value('Answers in'), /^[\d.]+\s(?:µs|ms|s)$/);
  await waitFor('a busy key is shared', 30, async () =>
    await value('Shared keys') === '1');
  assert.ok(await total(page, 'Commands to Redis', 'rate', 'ok') > 0);
  assert.deepEqual(await table(page, 'Without Redis'), []);
  await isAccessible(page, 'up');
});

test('down: it says so, and what is decided without it', async () => {
  await redis.kill();
  await says(/^Redis does not answer: this node decides by itself$/);
  assert.equal(await chip(page), 'Trouble');
  await is(/^(?:Down|Circuit open)$/);
  await waitFor('it decides', 30, async () =>
    number(await value('Decided without it')) > 1);
  assert.ok(await total(page, 'Without Redis', 'rate', 'local') > 0);
  await isAccessible(page, 'down');
  await fits(page, 320);
  await page.setViewportSize({ width: 1440, height: 900 });
});

test('up again, by itself', async () => {
  await redis.run();
  await is(/^Up$/);
  await crowd.end();
  await says(/^No traffic$/);
  assert.equal(await value('Decided without it'), '0/s');
  assert.deepEqual(page.faults, []);
});
