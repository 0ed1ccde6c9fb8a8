// A waiting room on the dashboard, and its switches, before a real line.
//
// While people wait somebody watches the line and turns it: slower, paused,
// open again.  What the page says of the line must be what those in it see,
// and a switch must ask first, say what it will do, and have done it; a rate
// that was mistyped must not become another one.
//
// SPDX-License-Identifier: BSD-2-Clause

import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';

import { fits, isAccessible, launch, open } from './lib/browser.mjs';
import { figure, number, sentence } from './lib/dashboard.mjs';
import { Nginx, waitFor } from './lib/nginx.mjs';
import { Queue } from './lib/queue.mjs';

const TABS = 60;            // more than there are places to stop at

const CONF = (port) => `
    admission_room drop { rate 20r/s; mode always; max_active 4000; }

    server {
        listen 127.0.0.1:${port};
        location = /buy { admission_wait drop; empty_gif; }
        location /control/ { admission_control; }
        location /watched/ {
            admission_control;
            limit_except GET { deny all; }
        }
        location = /plain { admission_dashboard; }
        location = /admission { admission_dashboard control=/control; }
        location = /watch { admission_dashboard control=/watched; }
    }
`;

let browser, nginx, page, queue;

before(async () => {
  [browser, nginx] = await Promise.all([launch(), Nginx.start(CONF)]);
  page = await open(browser, `${nginx.origin}/admission`);
  await page.getByText('20r/s, as configured.').waitFor();
});

after(async () => {
  await browser?.close();
  await queue?.end();
  await nginx?.finish();
});

const room = () => page.getByRole('region', { name: 'Room drop' });
const dialog = () => page.getByRole('dialog');
const value = (title) => figure(room(), title);
const focused = () => page.evaluate(() =>
  document.activeElement.ariaLabel || document.activeElement.innerText);
const says = (what) => waitFor(`the page says ${what}`, 30,
  async () => what.test(await sentence(page)));
const asked = () => nginx.json('/control/rooms/drop');

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

// the field's text becomes this, by the keyboard, and is sent
async function type(label, text) {
  await tabTo(label);
  await page.keyboard.press('Control+a');
  await page.keyboard.type(text);
  await page.keyboard.press('Enter');
  await dialog().waitFor();
}


test('before: open, nobody in line', async () => {
  await room().getByText('Open', { exact: true }).first().waitFor();
  assert.equal(await value('Waiting'), '0');
  assert.equal(await value('Inside'), '0');
  await room().getByText('of 4,000').waitFor();
  await isAccessible(page, 'before');
});

test('during: the line is as long as there are people in it', async () => {
  queue = new Queue(nginx.port, '/buy', 300);
  await queue.joined();
  await says(/^[\d,]+ people wait, letting in [\d.]+\/s$/);
  await waitFor('as many as there are', 30, async () => {
    const { line } = await asked();
    const shown = number(await value('Waiting'));
    return shown > 0 && Math.abs(shown - line.waiting) <= 60;
  });
  await room().getByText('target 20/s').waitFor();
  await page.getByText(/^[\d,]+ in 60\ss, [\d,]+ in 5.0\smin$/).waitFor();
});

test('during: people come in, and are counted', async () => {
  await waitFor('some are inside', 30, () => queue.inside > 40);
  await waitFor('and shown', 30, async () =>
    number(await value('Inside')) >= 40 && number(await value('Let in')) > 0);
  assert.match(await value('Time in line'), /^[\d.]+\s(?:ms|s|min)$/);
  assert.match(await value('Estimates are off by'), /^[\d.]+\s(?:ms|s|min)$/);

  const chart = page.getByRole('img', { name: /^Line of drop/ });
  await chart.locator('canvas').waitFor();
  assert.match(await chart.getAttribute('aria-label'),
    /Joined [\d.]+, Claimed [\d.]+, Lapsed [\d.]+, Target 20/);
  await isAccessible(page, 'during');
});

test('it asks what it will do, and by Escape nothing is done', async () => {
  await choose(/^Paused$/);
  assert.equal(await focused(), 'Cancel');
  await page.getByRole('dialog', { name: 'Pause drop?' }).waitFor();
  await dialog().getByText(/^From now on nobody is called/).waitFor();
  await isAccessible(page, 'while it asks');
  await page.keyboard.press('Escape');
  await dialog().waitFor({ state: 'hidden' });
  assert.equal(await focused(), 'Paused', 'the focus is where it was');
  assert.equal((await asked()).state.effective, 'open');
});

test('paused: nobody comes in, and the page says so', async () => {
  await choose(/^Paused$/);
  await confirm();
  await says(/^Paused, nobody is called: drop$/);
  const { line } = await asked();
  assert.ok(line.waiting > 0, 'there is somebody to be called');
  await waitFor('no one is let in', 30, async () =>
    await value('Let in') === '0/s');
  assert.equal((await asked()).line.admitted, line.admitted);
  await room().getByText('target 0/s').waitFor();
  await fits(page, 320);
  await page.setViewportSize({ width: 1440, height: 900 });
  await isAccessible(page, 'paused');
});

test('a rate that is none is refused in words, and stays to be corrected',
  async () => {
    await type(/^Rate of drop$/, '30');
    await confirmRefused('Nothing was changed. The server answers 400: '
      + '"rate" must be null or a rate of 1 to 1000000');
    assert.equal((await asked()).rate.effective, '20r/s');
    assert.equal(await page.getByLabel('Rate of drop', { exact: true })
      .first().inputValue(), '30');
  });

async function confirmRefused(why) {
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').getByText(why).waitFor();
  await isAccessible(page, 'with an error');
  await page.keyboard.press('Escape');
  await dialog().waitFor({ state: 'hidden' });
}

test('another rate, and a ceiling', async () => {
  await type(/^Rate of drop$/, '600r/m');
  await dialog().getByText('From now on people are called at 600r/m instead '
    + 'of 20r/s. All of them reach the upstream.').waitFor();
  await confirm();
  await type(/^Ceiling of drop$/, '50');
  await dialog().getByText('From now on at most 50 people may be inside, '
    + 'instead of 4000. Those who are inside stay.').waitFor();
  await confirm();
  const { rate, max_active: most } = await asked();
  assert.deepEqual([rate.effective, rate.by, most.effective],
    ['600r/m', '127.0.0.1', 50]);
  await room().getByText('of 50', { exact: true }).waitFor();
});

test('open again, at the new rate', async () => {
  await choose(/^Open$/);
  await confirm();
  await room().getByText('target 10/s').waitFor();
  assert.equal((await asked()).state.effective, 'open');
});

test('all back to the configuration', async () => {
  for (const [name, title] of [['Rate', '20r/s'], ['Ceiling', '4000'],
    ['State', 'Open']]) {
    await choose(new RegExp(`^Back to the configuration \\(${title}\\): ${
      name} of drop$`));
    await confirm();
  }
  const { rate, max_active: most, state } = await asked();
  assert.deepEqual([rate.since, most.since, state.since], [null, null, null]);
  await page.getByText('20r/s, as configured.').waitFor();

  const { line } = await asked();
  assert.ok(line.waiting > 0, 'there is somebody to come in');
  await waitFor('people come in', 30, async () =>
    (await asked()).line.admitted > line.admitted);
});

test('void passes: who was inside is in line again', async () => {
  await waitFor('some are inside', 30, () => queue.inside > 0);
  const [pass] = queue.passes;
  assert.equal(await queue.status(pass), 200);

  await tabTo(/^Void all passes$/);
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Void all passes of drop?' })
    .waitFor();
  await dialog().getByText(/This cannot be taken back\.$/).waitFor();
  await confirm();
  assert.equal(await queue.status(pass), 503);
});

test('a line that is off: all go in', async () => {
  await page.getByRole('group', { name: 'Mode of drop' })
    .getByRole('button', { name: 'Off' }).press('Enter');
  await dialog().getByText(/^Nobody waits from now on/).waitFor();
  await confirm();
  assert.equal(await queue.status(''), 200);
});

test('a switch that may not be used says so, and changes nothing',
  async () => {
    const watching = await open(browser, `${nginx.origin}/watch`);
    await watching.getByRole('button', { name: 'Closed' }).click();
    await watching.getByRole('dialog').getByRole('button', { name: 'Closed' })
      .click();
    await watching.getByRole('alert').getByText('Nothing was changed. '
      + 'The server answers 403: you may not do this from here.').waitFor();
    assert.equal((await asked()).state.effective, 'open');
    assert.deepEqual(watching.faults, []);
    await watching.context().close();
  });

test('without a control there is the line, and no switch', async () => {
  const plain = await open(browser, `${nginx.origin}/plain`);
  await plain.getByRole('heading', { name: 'Room drop' }).waitFor();
  assert.equal(await plain.getByRole('button').count(), 0);
  assert.equal(await plain.getByRole('textbox').count(), 0);
  await plain.context().close();
});

test('nothing left the origin, nothing was forbidden, nothing threw', () =>
  assert.deepEqual(page.faults, []));
