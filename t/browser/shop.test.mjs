// The demo shop in a browser, as conf.d/shop.conf serves it.
//
// It is the first that people see of Admission: they press the button, and
// then press it too often.  What they are told then has to be true, and
// however often they pressed it for one lamp, they have bought one.
//
// SPDX-License-Identifier: BSD-2-Clause

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import test, { after, before } from 'node:test';

import { fits, isAccessible, launch, open } from './lib/browser.mjs';
import { Crowd, Nginx, ROOT, Upstream } from './lib/nginx.mjs';

let browser, upstream, nginx, page;

const conf = (port) =>
  fs.readFileSync(path.join(ROOT, 'conf.d/shop.conf'), 'utf8')
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`)
    .replaceAll('127.0.0.1:8081', `127.0.0.1:${upstream.port}`);

// How many lamps there are, as the operator says; the page hears of it.
async function lamps(number, says) {
  const stock = `${nginx.origin}/admission/control/inventory/dusk`;
  const { status } = await fetch(stock, { method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ available: number }) });
  assert.equal(status, 200);
  await page.locator('#left').getByText(says).waitFor();
}

// The number of the order that the page shows.
const ordered = () => page.locator('#result[data-kind="admitted"] dd').nth(1)
  .innerText();

const buyer = (name) => page.getByRole('button', { name, exact: true });

before(async () => {
  [browser, upstream] = await Promise.all([launch(), Upstream.start()]);
  nginx = await Nginx.start(conf, { prefix: ROOT });
  page = await open(browser, `${nginx.origin}/`);
});

after(async () => {
  await browser?.close();
  await nginx?.finish();
  await upstream?.stop();
});


test('it can be looked at', async () => {
  await page.getByRole('button', { name: 'Buy the lamp' }).waitFor();
  await isAccessible(page, 'the shop');
  await fits(page, 320);
});

test('how many there are', async () => {
  await lamps(100, '100 left');
  await page.waitForFunction(async () =>      // the line hears of them, too
    (await fetch('/buy', { redirect: 'manual' })).type === 'opaqueredirect');
});

test('an order', async () => {
  await page.getByRole('button', { name: 'Buy the lamp' }).click();
  await page.getByText('It is yours. Thank you.').waitFor();
  assert.equal(upstream.orders, 1);
  await isAccessible(page, 'an order');
});

test('a double click is one order', async () => {
  await buyer('Buy another').dblclick();
  await buyer('Buy another').waitFor();
  assert.equal(upstream.orders, 2);
  assert.equal(await ordered(), '2');
  await page.locator('#left').getByText('98 left').waitFor();
});

test('an answer that was lost is not a second order', async () => {
  await page.route('**/buy', async (route) => {
    await route.fetch();
    await route.abort();
  }, { times: 1 });
  await buyer('Buy another').click();
  await page.getByText('The shop did not answer.').waitFor();
  assert.equal(upstream.orders, 3);
  await page.reload();
  await buyer('Buy the lamp').click();
  await page.getByText('It is yours. Thank you.').waitFor();
  assert.equal(await ordered(), '3');
  assert.equal(upstream.orders, 3);
});

test('the next lamp is the next order', async () => {
  await buyer('Buy another').click();
  await page.locator('#result dd').getByText('4', { exact: true }).waitFor();
  assert.equal(upstream.orders, 4);
});

test('the last one is gone', async () => {
  await lamps(0, 'Sold out');
  await page.waitForTimeout(1000);            // of its budget for orders
  await buyer('Buy another').click();
  await page.locator('#result[data-kind="refused"]').waitFor();
  assert.match(await page.locator('#result').innerText(), /sold/i);
  assert.equal(upstream.orders, 4);
  await isAccessible(page, 'sold out');
  await lamps(100, '100 left');
});

test('a refusal, with the time to come back, and it was not sent on',
  async () => {
    // this address's budget is kept empty, so that the click finds it so
    const crowd = new Crowd(nginx.port, 100, () => '/buy', 'POST');
    await page.waitForFunction(async () => (await fetch('/buy',
      { method: 'POST' })).status === 429);

    const again = page.getByRole('button',
      { name: /^(Try again|Buy another)$/ });
    const told = page.getByRole('button', { name: /^Try again in \d+ s$/ });

    // where the crowd rests for a moment, the click is one more order
    for (let clicks = 0; clicks < 5; clicks++) {
      await again.click();
      if (await told.waitFor({ timeout: 5000 })
        .then(() => true, () => false)) break;
    }

    await page.locator('#result[data-kind="refused"]').waitFor();
    await isAccessible(page, 'a refusal');

    const counts = await crowd.end();
    assert.ok(counts[429] > 0 && !(counts[200] > counts[429]));
    await page.getByRole('button', { name: 'Try again', exact: true })
      .waitFor();
  });

test('the crowd behind the counter', async () => {
  await page.getByRole('button', { name: 'Throw a crowd at it' }).click();
  await page.locator('#crowd-says').getByText(/\d/)
    .waitFor();
  await page.locator('#tally').getByText('Refused').first().waitFor();
  await isAccessible(page, 'a crowd');
});

test('its dashboard, with the switch', async () => {
  const dashboard = await open(browser, `${nginx.origin}/admission/`);
  await dashboard.getByRole('button', { name: 'On', pressed: true }).waitFor();
  assert.deepEqual(dashboard.faults, []);
});

test('nothing left the origin, nothing was forbidden, nothing threw', () =>
  assert.deepEqual(page.faults, []));
