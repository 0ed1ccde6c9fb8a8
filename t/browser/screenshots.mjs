// Writes docs/dashboard-*.png and docs/waiting-page-*.png: what an operator
// and two shoppers see of the demo's third rush.  By hand, with the
// environment of the tests, beside `./dev run --crowd`, which it is started
// together with:
//
//     node t/browser/screenshots.mjs http://127.0.0.1:8080
//
// SPDX-License-Identifier: BSD-2-Clause

import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { launch } from './lib/browser.mjs';
import { ROOT, waitFor } from './lib/nginx.mjs';

const SHOP = process.argv[2];

const HISTORY = 150;               // s that the dashboard has seen
const LINE = 250;                  // people

const LIGHT = { colorScheme: 'light' };
const DARK = { colorScheme: 'dark' };
const DASHBOARD = { viewport: { width: 1600, height: 1500 } };
const PAGE = { viewport: { width: 900, height: 760 } };
const PHONE = { viewport: { width: 390, height: 760 }, deviceScaleFactor: 2 };


async function waiting() {
  const status = await fetch(`${SHOP}/status?format=json`);
  const { metrics } = await status.json();
  return metrics.find(({ name }) => name === 'admission_room_waiting')
    .samples[0].value;
}


async function visit(browser, url, options) {
  const context = await browser.newContext({ locale: 'en-US', ...options });
  const page = await context.newPage();
  await page.goto(url);
  return page;
}


function shoot(page, name) {
  return page.screenshot({ path: path.join(ROOT, `docs/${name}.png`) });
}


function inState(page, state) {
  return page.waitForFunction((state) =>
    document.documentElement.dataset.admissionState === state, state,
  { timeout: 120_000 });
}


const browser = await launch();
const admission = `${SHOP}/admission/`;
const operators = [await visit(browser, admission, { ...DASHBOARD, ...LIGHT }),
  await visit(browser, admission, { ...DASHBOARD, ...DARK })];

await sleep(HISTORY * 1000);
await waitFor('a line', 90, async () => await waiting() >= LINE);

const shoppers = [];
for (const options of [{ ...PAGE, ...LIGHT }, { ...PAGE, ...DARK }, PHONE]) {
  shoppers.push(await visit(browser, `${SHOP}/buy`, options));
}

await sleep(8000);
await shoot(shoppers[0], 'waiting-page-light');
await shoot(shoppers[1], 'waiting-page-dark');
await shoot(operators[0], 'dashboard-light');
await shoot(operators[1], 'dashboard-dark');

await inState(shoppers[2], 'called');
await sleep(500);
await shoot(shoppers[2], 'waiting-page-phone');

await browser.close();
process.exit();
