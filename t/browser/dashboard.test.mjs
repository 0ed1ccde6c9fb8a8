// The dashboard in a browser, through a sale: before, during and after.
//
// Somebody watches it from across the room and opens or closes the shop by
// what it says.  A figure that is not what was sent, a page that goes on
// showing the last figures of a node that is gone, or one that stays empty
// since its own policy forbids its script, is worse than no page.
//
// SPDX-License-Identifier: BSD-2-Clause

import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { fits, isAccessible, launch, open } from './lib/browser.mjs';
import { allTones, chip, figure, number, sentence, staleContrasts, startShop,
  table, total } from './lib/dashboard.mjs';
import { Crowd, waitFor } from './lib/nginx.mjs';

const PER_SECOND = 60;
const CLIENTS = 4;          // four of these a second pass

let browser, shop, page, crowd;

before(async () => {
  [browser, shop] = await Promise.all([launch(), startShop()]);
  page = await open(browser, `${shop.nginx.origin}/plain`);
});

after(async () => {
  await browser?.close();
  await crowd?.end();
  await shop?.nginx.finish();
  await shop?.upstream.stop();
});

const says = (what, seconds = 30) => waitFor(`the page says ${what}`, seconds,
  async () => what.test(await sentence(page)));


test('before: no traffic, no switch, nothing refused', async () => {
  await says(/^No traffic$/);
  assert.equal(await chip(page), 'Quiet');
  assert.equal(await figure(page, 'Admitted'), '0/s');
  assert.deepEqual(await table(page, 'Refusals by reason'), []);
  assert.equal(await page.getByRole('button', { name: 'Dry run' }).count(), 0);
  await page.getByText('Nothing has been refused.').waitFor();
  await isAccessible(page, 'before');
});

test('during: the verdict, and rates as they are sent', async () => {
  crowd = new Crowd(shop.nginx.port, PER_SECOND,
    (i) => `/buy?c=${i % CLIENTS}`);
  await says(/^Admitting .*, refusing .*\/s \(rate\)$/);
  assert.equal(await chip(page), 'Refusing');
  await page.getByRole('status').getByText('Refusing.').waitFor();

  // over the page's own span of five seconds, on a machine that may be busy
  await sleep(6000);
  const sent = crowd.sent;
  const started = performance.now();
  await sleep(3000);
  const rate = (crowd.sent - sent) * 1000 / (performance.now() - started);
  const shown = number(await figure(page, 'Admitted'))
    + number(await figure(page, 'Refused'));

  assert.ok(shown > rate * 0.5 && shown < rate * 2,
    `${shown}/s are shown, ${rate}/s were sent`);
});

test('during: quantiles, charts, and their tables', async () => {
  assert.match(await figure(page, 'Decision time'), /^[\d.]+\s(?:µs|ms)$/);
  assert.match(await figure(page, 'Upstream time'), /^[\d.]+\s(?:µs|ms|s)$/);

  const chart = page.getByRole('img', { name: /^Requests by verdict/ });
  await chart.locator('canvas').waitFor();
  assert.match(await chart.getAttribute('aria-label'),
    /Admitted [\d.]+, Limited \d+/);

  const drawn = await chart.locator('canvas').evaluate((canvas) =>
    canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
      .data.some((byte) => byte !== 0));
  assert.ok(drawn, 'something is drawn');

  await page.getByText('As a table').first().click();
  // in a second in which no answer came there is no figure
  await waitFor('the table behind has the same', 30, async () => {
    const [, now] = await page.locator('section.chart tbody').first()
      .locator('tr').first().locator('th, td').allInnerTexts();
    return number(now ?? '') > 0;
  });
});

test('during: accessible', () => isAccessible(page, 'during'));

test('during: fits a phone', async () => {
  await fits(page, 320);
  await page.setViewportSize({ width: 1440, height: 900 });
});

test('after: every request is there, by site, reason and policy', async () => {
  const counts = await crowd.end();
  await waitFor('all are counted', 30, async () =>
    await total(page, 'Sites', 'shop', 'Admitted') === counts[200]
    && await total(page, 'Sites', 'shop', 'Limited') === counts[429]
    && await total(page, 'Upstream’s answers', '2xx') === counts[200]);

  assert.ok(counts[200] > 0 && counts[429] > 0);
  assert.deepEqual(Object.keys(counts).sort(), ['200', '429']);
  assert.equal(await total(page, 'Refusals by reason', 'rate', 'Limited'),
    counts[429]);
  assert.equal(await total(page, 'Policies', 'rate', 'per_client', 'Admitted'),
    counts[200]);
  assert.equal(await total(page, 'Policies', 'rate', 'per_client', 'Limited'),
    counts[429]);
  assert.equal(await total(page, 'Upstream’s answers', '2xx'), counts[200]);
  assert.equal(shop.upstream.orders, counts[200]);

  await says(/^No traffic$/);
  assert.equal(await figure(page, 'Refused'), '0/s');
  await isAccessible(page, 'after');
});

test('an upstream that fails is what it says first', async () => {
  shop.upstream.status = 503;
  crowd = new Crowd(shop.nginx.port, 20, (i) => `/buy?c=failing-${i}`);
  await says(/^Upstream is failing: \d+% of answers are 5xx$/);
  assert.equal(await chip(page), 'Trouble');
  await page.locator('#also').getByText(/^Admitting [\d.]+\/s\.$/).waitFor();
  await crowd.end();
  shop.upstream.status = 200;
  await says(/^No traffic$/);
});

// The server's own answer, with some of it changed on its way to the page.
async function changed(change) {
  const other = await open(browser, 'about:blank');
  await other.route('**/plain?format=json', async (route) => {
    const response = await route.fetch();
    const document = await response.json();
    change(document.metrics);
    await route.fulfill({ response, json: document });
  });
  await other.goto(`${shop.nginx.origin}/plain`);
  await other.getByRole('heading', { name: 'Sites' }).waitFor();
  return other;
}

// ... and its end, of answers that are on their way first
async function leave(other) {
  await other.unrouteAll({ behavior: 'wait' });
  await other.context().close();
}

const set = (metrics, name, value) => {
  for (const sample of metrics.find((metric) => metric.name === name)
    .samples) sample.value = value;
};

test('stale: every tone can be read', async () => {
  const other = await changed((metrics) =>
    set(metrics, 'admission_loop_lag_seconds', 0.024));
  await other.getByText(/^24\sms high$/).waitFor();
  await other.route('**/plain?format=json', (route) => route.abort());
  await other.locator('[data-stale]').waitFor();

  await allTones(other);
  await isAccessible(other, 'stale, in every tone');
  for (const [what, contrast] of await staleContrasts(other)) {
    assert.ok(contrast >= 4.5, `${what}, stale: ${contrast}`);
  }
  await leave(other);
});

test('a node that is gone: stale within seconds, and back by itself',
  async () => {
    const counted = await total(page, 'Sites', 'shop', 'Limited');
    await shop.nginx.stop();
    try {
      await says(/^No data for \d+ s: the server does not answer$/);
      assert.equal(await chip(page), 'No data');
      assert.match(await page.locator('#age').innerText(),
        /^Updated \d+ s ago$/);
      assert.equal(await total(page, 'Sites', 'shop', 'Limited'), counted,
        'what was known last is still there');
      await isAccessible(page, 'stale');
    } finally {
      await shop.nginx.run();     // the tests after this one need it
    }

    await says(/^(?:No traffic|Measuring)$/);
    assert.equal(await total(page, 'Sites', 'shop', 'Limited'), 0);
  });

const MARKUP = '<img src=x onerror=alert(1)>';

test('what is new shows up by itself, what is missing is not shown, and '
  + 'markup is text', async () => {
  const other = await changed((metrics) => {
    const at = metrics.findIndex(({ name }) =>
      name === 'admission_upstream_seconds');
    metrics.splice(at, 1);
    metrics[0].samples.push({ value: 12, labels: { site: MARKUP,
      verdict: 'turned_away', reason: 'full_moon', dry_run: '0' } });
  });

  assert.deepEqual((await table(other, 'Refusals by reason')).map((row) =>
    [row[0], row[1], row.at(-1)]), [['full_moon', 'turned away', '12']]);
  assert.equal((await table(other, 'Sites')).at(-1)[0], MARKUP);
  assert.equal(await other.locator('td img, th img').count(), 0);
  assert.equal(await other.getByRole('group', { name: 'Decision time' })
    .count(), 1);
  assert.equal(await other.getByRole('group', { name: 'Upstream time' })
    .count(), 0);
  await leave(other);
});

test('printed: on white, without what one cannot press', async () => {
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  assert.equal(await page.evaluate(() =>
    getComputedStyle(document.body).backgroundColor), 'rgb(255, 255, 255)');
  assert.equal(await page.getByText('As a table').first().isVisible(), false);
});

test('nothing left the origin, nothing was forbidden, nothing threw', () =>
  assert.deepEqual(page.faults, []));
