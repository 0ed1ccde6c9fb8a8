// The switch on the dashboard, by keyboard alone.
//
// In the middle of a sale somebody turns Admission to a dry run and back.  It
// must ask first, do what it said, and say what became of it: an operator who
// believes that the shop is open while it is not, or the other way round, does
// the wrong thing next.
//
// SPDX-License-Identifier: BSD-2-Clause

import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';

import { fits, isAccessible, launch, open } from './lib/browser.mjs';
import { sentence, startShop } from './lib/dashboard.mjs';
import { request, waitFor } from './lib/nginx.mjs';

const TABS = 40;            // more than there are places to stop at

let browser, shop, page;

before(async () => {
  [browser, shop] = await Promise.all([launch(), startShop()]);
  page = await open(browser, `${shop.nginx.origin}/admission`);
  await page.getByText('On, as configured.').waitFor();
});

after(async () => {
  await browser?.close();
  await shop?.nginx.finish();
  await shop?.upstream.stop();
});

const focused = () => page.evaluate(() => document.activeElement.innerText);
const dialog = () => page.getByRole('dialog');
const pressed = (name) => page.getByRole('group', { name: 'Mode' })
  .getByRole('button', { name, exact: true, pressed: true }).waitFor();

async function tabTo(label) {
  for (let i = 0; i < TABS; i++) {
    if (label.test(await focused())) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`${label} cannot be reached by Tab`);
}

async function choose(label) {
  await tabTo(label);
  await page.keyboard.press('Enter');
  await dialog().waitFor();
}

async function confirm() {
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await dialog().waitFor({ state: 'hidden' });
}

// six at once of a new client, of which five pass while Admission is on
let clients = 0;

async function six() {
  for (;;) {
    const target = `/buy?c=keyboard-${clients++}`;
    const statuses = [];
    const started = performance.now();
    for (let i = 0; i < 6; i++) {
      statuses.push(await request(shop.nginx.port, target));
    }
    // a machine that took a second for them has given one back meanwhile
    if (performance.now() - started < 1000) {
      return statuses.filter((status) => status === 429).length;
    }
    assert.ok(clients < 50, 'six in a second');
  }
}


test('it asks, and by Escape nothing is done', async () => {
  await pressed('On');
  await choose(/^Dry run$/);
  assert.equal(await focused(), 'Cancel');
  await page.getByRole('dialog', { name: 'Turn to dry run?' }).waitFor();
  await isAccessible(page, 'while it asks');

  await page.keyboard.press('Escape');
  await dialog().waitFor({ state: 'hidden' });
  assert.equal(await focused(), 'Dry run', 'the focus is where it was');
  await pressed('On');
  assert.equal(await six(), 1);
});

test('the focus stays within the question', async () => {
  await choose(/^Off$/);
  const seen = new Set();
  for (let i = 0; i < 6; i++) {
    await page.keyboard.press('Tab');
    seen.add(await page.evaluate(() =>
      document.activeElement.closest('dialog, body').tagName
        + document.activeElement.innerText.slice(0, 9)));
  }
  assert.ok(seen.has('DIALOGOff') && seen.has('DIALOGCancel'));
  assert.ok(![...seen].some((text) => /Mode|Dry run/.test(text)));
  await page.keyboard.press('Escape');
  await dialog().waitFor({ state: 'hidden' });
});

test('dry run: what would be refused passes, and the page says so',
  async () => {
    await choose(/^Dry run$/);
    await confirm();
    await pressed('Dry run');
    assert.equal(await six(), 0);
    await waitFor('the page says so', 30, async () =>
      /^Dry run: nothing is refused/.test(await sentence(page)));
    await page.getByText(/^Set by 127\.0\.0\.1 at /).waitFor();
    await isAccessible(page, 'in a dry run');
    await fits(page, 320);
    await page.setViewportSize({ width: 1440, height: 900 });
  });

test('off, and back to the configuration', async () => {
  await choose(/^Off$/);
  await confirm();
  await pressed('Off');
  assert.equal(await six(), 0);
  await waitFor('the page says so', 30, async () =>
    /^Off: everything passes/.test(await sentence(page)));

  await choose(/^Back to the configuration \(On\)$/);
  await confirm();
  await pressed('On');
  await page.getByText('On, as configured.').waitFor();
  assert.equal(await six(), 1);
});

test('what another operator has done is seen', async () => {
  const other = await open(browser, `${shop.nginx.origin}/admission`);
  await other.getByRole('button', { name: 'Dry run' }).click();
  await other.getByRole('dialog').getByRole('button', { name: 'Dry run' })
    .click();
  await page.getByText(/^Set by /).waitFor();
  await pressed('Dry run');
  assert.deepEqual(other.faults, []);
  await other.context().close();
});

test('a switch that may not be used says so, and changes nothing',
  async () => {
    const watching = await open(browser, `${shop.nginx.origin}/watch`);
    await watching.getByText(/^Set by /).waitFor();
    await watching.getByRole('button', { name: 'Off' }).click();
    await watching.getByRole('dialog').getByRole('button', { name: 'Off' })
      .click();
    await watching.getByRole('alert').getByText('Nothing was changed. '
      + 'The server answers 403: you may not do this from here.').waitFor();
    await isAccessible(watching, 'with an error');
    await watching.keyboard.press('Escape');
    await watching.getByRole('button', { name: 'Dry run', pressed: true })
      .waitFor();
    assert.deepEqual(watching.faults, []);
    await watching.context().close();
  });

test('a server that is gone is said in words', async () => {
  await shop.nginx.stop();
  await page.getByText('The server does not answer.').waitFor();
  await shop.nginx.run();
  await page.getByText('On, as configured.').waitFor();
});

test('nothing left the origin, nothing was forbidden, nothing threw', () =>
  assert.deepEqual(page.faults, []));
