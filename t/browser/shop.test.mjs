// The demo shop in a browser, as conf.d/shop.conf serves it.
//
// It is the first that people see of Admission: they press the button, and
// then press it too often.  What they are told then has to be true.
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

test('an order', async () => {
  await page.getByRole('button', { name: 'Buy the lamp' }).click();
  await page.getByText('It is yours. Thank you.').waitFor();
  assert.equal(upstream.orders, 1);
  await isAccessible(page, 'an order');
});

test('a refusal, with the time to come back, and it was not sent on',
  async () => {
    // this address's budget is kept empty, so that the click finds it so
    const crowd = new Crowd(nginx.port, 100, () => '/buy', 'POST');
    await page.waitForFunction(async () => (await fetch('/buy',
      { method: 'POST' })).status === 429);
    await page.getByRole('button', { name: 'Buy another' }).click();
    await page.locator('#result[data-kind="refused"]').waitFor();
    await page.getByRole('button', { name: /^Try again in \d+ s$/ }).waitFor();
    await isAccessible(page, 'a refusal');

    const counts = await crowd.end();
    assert.ok(counts[429] > 0 && !(counts[200] > counts[429]));
    await page.getByRole('button', { name: 'Try again', exact: true })
      .waitFor({ timeout: 20_000 });
  });

test('the crowd behind the counter', async () => {
  await page.getByRole('button', { name: 'Throw a crowd at it' }).click();
  await page.locator('#crowd-says').getByText(/\d/)
    .waitFor({ timeout: 20_000 });
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
