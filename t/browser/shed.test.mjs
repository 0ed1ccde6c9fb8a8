// Upstreams on the dashboard: how full, who is shed, and the circuit's switch.
//
// At the height of a sale somebody has to see at a glance whether the shop has
// all that it can bear, or is kept from what it could do; and the switch that
// keeps everybody from it must ask first, say whose it is, and be undone by
// one more word.
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
    admission_upstream shop concurrency=2 failures=3 open=1h max_open=1h;
    admission_upstream mail;

    server {
        listen 127.0.0.1:${port};

        location /shop/ {
            admission_shed shop priority=$arg_p;
            proxy_pass http://127.0.0.1:${shop}/;
        }
        location /mail/ {
            admission_shed mail;
            proxy_pass http://127.0.0.1:${shop}/;
        }
        location /control/ { admission_control; }
        location = /plain { admission_dashboard; }
        location = /admission { admission_dashboard control=/control; }
    }
`;

const NONE = (port) => `
    server {
        listen 127.0.0.1:${port};
        location = /admission { admission_dashboard; }
    }
`;

let alone, browser, nginx, page, shop;
const waiting = [];         // answers that the shop has not given

// answers, but to /held not before it is told to, and to /bad with an error
async function startShop() {
  const server = http.createServer((request, response) => {
    request.resume();
    const bad = request.url.startsWith('/bad');
    const answer = () => response.writeHead(bad ? 500 : 200).end();
    if (request.url.startsWith('/held')) waiting.push(answer);
    else answer();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const ask = async (path) => (await fetch(`${nginx.origin}${path}`)).status;

before(async () => {
  shop = await startShop();
  [browser, nginx, alone] = await Promise.all([launch(),
    Nginx.start((port) => CONF(port, shop.address().port)),
    Nginx.start(NONE)]);
  page = await open(browser, `${nginx.origin}/admission`);
  await upstream().waitFor();
});

after(async () => {
  await browser?.close();
  await Promise.all([nginx, alone].map((one) => one?.finish()));
  shop?.closeAllConnections();
  shop?.close();
});

const upstream = (name = 'shop') =>
  page.getByRole('region', { name: `Upstream ${name}`, exact: true });
const figure = (title) =>
  upstream().getByRole('group', { name: title, exact: true });
const value = (title) => figure(title).locator('.value').innerText();
const chip = () => upstream().locator('h2 .chip').innerText();
const is = (what) => waitFor(`the upstream is ${what}`, 30,
  async () => (await chip()) === what);
const says = (what) => waitFor(`the page says ${what}`, 30,
  async () => what.test(await sentence(page)));
const dialog = () => page.getByRole('dialog');
const circuit = () => upstream().getByRole('group',
  { name: 'Circuit of shop', exact: true });
const pressed = (name) => circuit()
  .getByRole('button', { name, exact: true, pressed: true }).waitFor();
// of the circuit, as the server has it: what became of a request is told behind
// its answer
const state = async () => (await nginx.json('/plain?format=json')).metrics
  .find(({ name }) => name === 'admission_circuit_state').samples
  .find(({ labels }) => labels.circuit === 'shop').value;
const who = async (name) => (await table(page, 'Who is shed at shop'))
  .find(([first]) => first === name);

async function choose(button, question) {
  await button.press('Enter');
  await page.getByRole('dialog', { name: question }).waitFor();
}

async function confirm(name) {
  await dialog().getByRole('button', { name, exact: true }).press('Enter');
  await dialog().waitFor({ state: 'hidden' });
}


test('where there is none there is nothing of it', async () => {
  const other = await open(browser, `${alone.origin}/admission`);
  await other.getByRole('heading', { name: 'Zones' }).waitFor();
  assert.equal(await other.getByText(/circuit|shed\b/i)
    .filter({ visible: true }).count(), 0);
  assert.deepEqual(other.faults, []);
  await other.context().close();
});

test('at rest: a place for each of two, and one without a limit',
  async () => {
    await is('Serves');
    assert.equal(await value('In flight'), '0');
    assert.equal(await figure('In flight').locator('.note').innerText(),
      'of 2.0 at most');
    assert.equal(await upstream('mail')
      .getByRole('group', { name: 'In flight', exact: true }).locator('.note')
      .innerText(), 'no limit');
    assert.equal(await value('Needs'), '–', 'nobody has answered yet');
    await pressed('Automatic');
    await isAccessible(page, 'at rest');
  });

test('full: who is inside, and who is shed', async () => {
  const held = [ask('/shop/held'), ask('/shop/held')];
  await waitFor('both are there', 30, () => waiting.length === 2);
  assert.equal(await ask('/shop/ok?p=7'), 503);
  assert.equal(await ask('/shop/ok'), 503);
  await waitFor('two in flight', 30, async () =>
    (await value('In flight')) === '2');
  await is('Sheds');
  await waitFor('by priority', 30, async () =>
    (await who('Priority 7'))?.at(-1) === '1'
      && (await who('Priority 5'))?.at(-1) === '1');
  await isAccessible(page, 'while it is full');
  await fits(page, 320);
  await page.setViewportSize({ width: 1440, height: 900 });

  waiting.splice(0).forEach((answer) => answer());
  assert.deepEqual(await Promise.all(held), [200, 200]);
  await waitFor('nobody in flight', 30, async () =>
    (await value('In flight')) === '0');
  await waitFor('what it needs', 30, async () =>
    /^[\d.,]+\s(?:µs|ms|s)$/.test(await value('Needs')));
});

test('it asks before it keeps everybody away, and says who did', async () => {
  const open = circuit().getByRole('button', { name: 'Open', exact: true });

  await choose(open, 'Let nothing reach shop?');
  await isAccessible(page, 'while it asks');
  await page.keyboard.press('Escape');
  await dialog().waitFor({ state: 'hidden' });
  assert.equal(await ask('/shop/ok'), 200, 'by Escape nothing is done');

  await choose(open, 'Let nothing reach shop?');
  await confirm('Open');
  await pressed('Open');
  assert.equal(await ask('/shop/ok'), 503);
  assert.equal(await ask('/mail/ok'), 200, 'the other is another');
  await is('Held open by an operator');
  await says(/^An operator lets nothing reach the upstream: shop$/);
  await upstream().getByText(/^Set by 127\.0\.0\.1 at /).waitFor();
});

test('... and takes it back', async () => {
  await choose(upstream().getByRole('button',
    { name: /^Back to the configuration \(Automatic\)/ }),
  'Back to the configuration?');
  await confirm('Automatic');
  await pressed('Automatic');
  assert.equal(await ask('/shop/ok'), 200);
});

test('a circuit that opened by itself is trouble, and can be closed',
  async () => {
    for (let i = 0; i < 3; i++) assert.equal(await ask('/shop/bad'), 500);
    await waitFor('it opens', 30, async () => await state() === 1);
    assert.equal(await ask('/shop/ok'), 503);
    await is('Circuit open');
    await waitFor('the page says so', 30, async () =>
      /Circuit open, nothing reaches the upstream: shop/.test(await page
        .getByRole('region', { name: 'Verdict' }).innerText()));
    await isAccessible(page, 'with an open circuit');

    await choose(circuit().getByRole('button',
      { name: 'Closed', exact: true }), 'Keep the circuit of shop closed?');
    await confirm('Closed');
    assert.equal(await ask('/shop/ok'), 200);
    await waitFor('it is closed', 30, async () =>
      ['Serves', 'Sheds'].includes(await chip()));
  });

test('who may only watch sees it, and no button', async () => {
  const plain = await open(browser, `${nginx.origin}/plain`);
  await plain.getByRole('region', { name: 'Upstream shop' }).waitFor();
  assert.equal(await plain.getByRole('button').count(), 0);
  await plain.context().close();
});

test('nothing left the origin, nothing was forbidden, nothing threw', () =>
  assert.deepEqual(page.faults, []));
