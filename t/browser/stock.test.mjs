// Stock, holds and keys on the dashboard, before a real store.
//
// During a sale somebody looks how long the stock will last; after it, what
// became of the orders that nobody answered.  A button there sells units or
// gives them back for good, so it must ask first, name the order that is
// meant, and have done what it says.
//
// SPDX-License-Identifier: BSD-2-Clause

import assert from 'node:assert/strict';
import http from 'node:http';
import { once } from 'node:events';
import test, { after, before } from 'node:test';

import { fits, isAccessible, launch, open } from './lib/browser.mjs';
import { sentence, table } from './lib/dashboard.mjs';
import { Nginx, waitFor } from './lib/nginx.mjs';

const CONF = (port, shop) => `
    upstream shop { server 127.0.0.1:${shop}; }

    server {
        listen 127.0.0.1:${port};

        location /buy/ {
            admission_idempotency $http_idempotency_key owner=$arg_u
                                  fingerprint=uri;
            admission_inventory $arg_sku mode=reserve hold=1h;
            proxy_ignore_client_abort on;
            proxy_pass http://shop/;
            add_header X-Hold $admission_hold always;
        }
        location = /dusk { admission_inventory dusk; empty_gif; }
        location = /dawn { admission_inventory dawn; empty_gif; }
        location /control/ { admission_control; }
        location = /plain { admission_dashboard; }
        location = /admission { admission_dashboard control=/control; }
    }
`;

const NONE = (port) => `
    server {
        listen 127.0.0.1:${port};
        location /control/ { admission_control; }
        location = /admission { admission_dashboard control=/control; }
    }
`;

let alone, browser, nginx, page, shop;

// takes the money, but for /silent, which hangs up
async function startShop() {
  const server = http.createServer((request, response) => {
    request.resume();
    if (request.url.startsWith('/silent')) request.socket.destroy();
    else response.writeHead(request.url.startsWith('/later') ? 303 : 200).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function change(method, path, body) {
  const response = await fetch(`${nginx.origin}/control${path}`, { method,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body) });
  assert.equal(response.status, 200, `${method} ${path}`);
  return response.json();
}

const buy = (how, sku, key) => fetch(
  `${nginx.origin}/buy/${how}?sku=${sku}&u=ann`,
  { method: 'POST', headers: key ? { 'Idempotency-Key': key } : {},
    redirect: 'manual' });

before(async () => {
  shop = await startShop();
  [browser, nginx, alone] = await Promise.all([launch(),
    Nginx.start((port) => CONF(port, shop.address().port)),
    Nginx.start(NONE)]);
  await change('PUT', '/inventory/dusk', { available: 10 });
  await change('PUT', '/inventory/dawn', { available: 1 });
  page = await open(browser, `${nginx.origin}/admission`);
  await page.getByRole('region', { name: 'Stock' }).waitFor();
});

after(async () => {
  await browser?.close();
  await Promise.all([nginx, alone].map((one) => one?.finish()));
  shop?.closeAllConnections();
  shop?.close();
});

const says = (what) => waitFor(`the page says ${what}`, 30,
  async () => what.test(await sentence(page)));
const facts = async (sku) => {
  const { available, held, unresolved, committed }
    = await nginx.json(`/control/inventory/${sku}`);
  return [available, held, unresolved, committed].join(' ');
};
const row = async (sku) => (await table(page, 'Stock'))
  .find(([name]) => name.startsWith(sku));
const shows = (sku, ...numbers) => waitFor(`${sku} is ${numbers}`, 30,
  async () => (await row(sku))?.slice(1, 5).join() === numbers.join());
const orders = () => page.getByRole('region', { name: 'Unresolved orders' });
const dialog = () => page.getByRole('dialog');


test('where there is no stock there is nothing of it', async () => {
  const other = await open(browser, `${alone.origin}/admission`);
  await other.getByRole('heading', { name: 'Zones' }).waitFor();
  assert.equal(await other.getByText(/stock|unresolved/i)
    .filter({ visible: true }).count(), 0);
  assert.deepEqual(other.faults, []);
  await other.context().close();
});

test('before: what was put in, and how long it lasts is not known',
  async () => {
    await shows('dusk', 10, 0, 0, 0);
    await shows('dawn', 1, 0, 0, 0);
    assert.equal((await row('dusk'))[6], '–');
    await isAccessible(page, 'before');
  });

test('during: it goes, and the page says how fast', async () => {
  assert.equal((await buy('paid', 'dusk', 'a')).status, 200);
  assert.equal((await buy('later', 'dusk')).status, 303);
  await shows('dusk', 8, 1, 0, 1);
  await waitFor('a pace', 30, async () => {
    const [,,,,, goes, lasts] = await row('dusk');
    return /^[\d.,]+\/min$/.test(goes) && /^[\d.]+\s(?:s|min)$/.test(lasts);
  });
  assert.ok(await page.locator('.stock polyline').first()
    .evaluate((line) => line.getAttribute('points').split(' ').length > 1));
});

test('all reserved, and then sold out', async () => {
  const { status, headers } = await buy('later', 'dawn');
  assert.equal(status, 303);
  await says(/^All reserved, none is free: dawn$/);
  assert.match((await row('dawn'))[0], /All reserved/);

  await change('POST', `/holds/${headers.get('x-hold')}/commit`, {});
  await says(/^Sold out: dawn$/);
  assert.match((await row('dawn'))[0], /Sold out/);
  await isAccessible(page, 'with a SKU that is gone');
});

test('keys: what became of them', async () => {
  assert.equal((await buy('paid', 'dusk', 'a')).headers
    .get('idempotent-replayed'), 'true');
  await waitFor('a replay', 30, async () =>
    (await table(page, 'Idempotency keys')).some(([what,, n]) =>
      what === 'replay' && n === '1'));
});

test('orders that nobody answered are listed', async () => {
  assert.equal(await orders().count(), 0, 'no panel while there are none');
  await Promise.all([buy('silent', 'dusk'), buy('silent', 'dusk')]);
  await shows('dusk', 6, 1, 2, 1);
  await says(/^Unresolved units: 2, /);
  await orders().getByRole('listitem').nth(1).waitFor();
  await isAccessible(page, 'with orders');
  await fits(page, 320);
  await page.setViewportSize({ width: 1440, height: 900 });
});

test('it asks first, and by Escape nothing is done', async () => {
  await orders().getByRole('button', { name: /^Commit: 1 × dusk, / }).first()
    .press('Enter');
  await page.getByRole('dialog', { name: 'Count this order as sold?' })
    .waitFor();
  await dialog().getByText(/^1 × dusk, \S+\. Its units are sold from now on/)
    .waitFor();
  await isAccessible(page, 'while it asks');
  await page.keyboard.press('Escape');
  await dialog().waitFor({ state: 'hidden' });
  assert.equal(await facts('dusk'), '6 1 2 1');
});

test('one was sold, the other was not', async () => {
  await orders().getByRole('button', { name: /^Commit: / }).first()
    .press('Enter');
  await dialog().getByRole('button', { name: 'Commit' }).press('Enter');
  await dialog().waitFor({ state: 'hidden' });
  assert.equal(await facts('dusk'), '6 1 1 2');

  await orders().getByRole('button', { name: /^Release: / }).first()
    .press('Enter');
  await dialog().getByRole('button', { name: 'Release' }).press('Enter');
  await dialog().waitFor({ state: 'hidden' });
  assert.equal(await facts('dusk'), '7 1 0 2');

  await orders().waitFor({ state: 'hidden' });
  await shows('dusk', 7, 1, 0, 2);
});

test('who may only watch sees the stock, and no button', async () => {
  const plain = await open(browser, `${nginx.origin}/plain`);
  await plain.getByRole('region', { name: 'Stock' }).waitFor();
  assert.equal(await plain.getByRole('button').count(), 0);
  await plain.context().close();
});

test('nothing left the origin, nothing was forbidden, nothing threw', () =>
  assert.deepEqual(page.faults, []));
