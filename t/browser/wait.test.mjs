// The waiting page in a browser, before a room that lets people in.
//
// A crowd looks at it for an hour, and then has two minutes to go in.  A page
// that does not notice the turn costs a place in line; one that sends an order
// again, or that loads itself over and over, costs more than it saves.
//
// SPDX-License-Identifier: BSD-2-Clause

import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { fits, isAccessible, launch } from './lib/browser.mjs';
import { waitFor } from './lib/nginx.mjs';
import { altered, arrive, change, hide, inState, order, pretend, says,
  startRooms, ticket } from './lib/room.mjs';

const STATES = ['pre', 'waiting', 'called', 'admitted', 'open', 'paused',
  'closed', 'over', 'sold_out', 'unknown'];
const GO_MS = 3000;         // from "your turn" until the page goes in
const BEAT_MS = 500;        // of the page

let browser, rooms, origin;

before(async () => {
  [browser, rooms] = await Promise.all([launch(), startRooms()]);
  origin = rooms.nginx.origin;
});

after(async () => {
  await browser?.close();
  await rooms?.nginx.finish();
  await rooms?.upstream.stop();
});

const shopper = (options = {}) =>
  browser.newContext({ locale: 'en-US', ...options });

// A page whose polls we answer, and whose time we move.  As it is loaded it
// does not know the place yet.
async function staged(answer, { path = '/slow', prepare = () => {}, page: how,
  ...options } = {}) {
  const page = await arrive(await shopper(options), origin + path,
    async (page) => {
      await pretend(page, answer);
      await altered(page, { state: 'waiting', ahead: '', low: '', high: '',
        progress: '', poll: '5000', left: '', ...how });
      await prepare(page);
    });
  page.loads = 0;
  return page;
}

// until it has polled so many times more, and shows what it has learnt
async function polled(page, more = 1) {
  const enough = page.polls + more;
  await waitFor('it asks again', 30, async () => {
    await page.clock.runFor(2 * BEAT_MS);
    return page.polls >= enough;
  });
  await page.waitForLoadState('networkidle');
  await page.clock.runFor(BEAT_MS);
}

// That it has not loaded itself; the browser had the time to begin.
async function stays(page, why) {
  await sleep(500);
  assert.equal(page.loads, 0, why);
}

const waiting = (ahead, more = {}) => ({ state: 'waiting', ahead,
  position: ahead + 1, wait_seconds: 150, wait_range: [120, 180],
  poll_after_ms: 5000, ...more });
const called = (more = {}) =>
  ({ state: 'called', poll_after_ms: 5000, claim_expires_in: 100, ...more });


test('shoppers see their place, come nearer, and go in one by one',
  async () => {
    const pages = [], tickets = [];
    for (let i = 0; i < 5; i++) {
      const page = await arrive(await shopper(), `${origin}/drop`);
      pages.push(page);
      tickets.push(Number(await ticket(page)));   // before it is let in
    }
    assert.deepEqual(tickets, [...tickets].sort((a, b) => a - b));
    assert.equal(new Set(tickets).size, pages.length);

    const orders = await Promise.all(pages.map((page) => order(page)));
    assert.deepEqual(orders.sort(), [1, 2, 3, 4, 5], 'the shop has them all');

    for (const [i, page] of pages.entries()) {
      const call = page.answers.find(({ state }) => state === 'called');
      assert.ok(call, 'each was called');
      assert.deepEqual(pages.slice(0, i).flatMap(({ answers }) =>
        answers.filter(({ state, asked }) =>
          state === 'waiting' && asked > call.known)), [],
      'and nobody before those who came first');
      assert.deepEqual(page.faults, []);
    }

    const places = pages.at(-1).seen
      .filter(([state]) => state === 'waiting').map(([, place]) => place);
    assert.ok(places.at(-1) < Math.max(...places), `it fell: ${places}`);
  });

test('a tab that is closed and opened again has kept the place', async () => {
  const context = await shopper();
  const page = await arrive(context, `${origin}/slow`);
  await inState(page, 'waiting');
  const number = await ticket(page);
  assert.match(number, /^\d+$/);
  await page.close();

  // somebody comes in between
  const other = await arrive(await shopper(), `${origin}/slow`);
  assert.notEqual(await ticket(other), number);

  const again = await arrive(context, `${origin}/slow`);
  assert.equal(await ticket(again), number);
});

test('without a script: the place, a page that comes again, and the way in',
  async () => {
    const page = await arrive(await shopper({ javaScriptEnabled: false }),
      `${origin}/drop`);
    assert.match(await says(page, 'title'), /^You are/);
    assert.match(await page.locator('body').innerText(),
      /Your place in line: \d/);
    assert.match(await page.locator('meta[http-equiv=refresh]')
      .getAttribute('content'), /^[1-9]\d*$/);
    assert.equal(await page.getByRole('link', { name: 'Look again' }).count(),
      1);
    assert.equal(await order(page) > 0, true);
  });

test('what was sent is not sent again; by keyboard one goes in', async () => {
  const page = await arrive(await shopper(), `${origin}/form`);
  rooms.upstream.methods.length = 0;
  await page.getByRole('button', { name: 'Buy' }).click();
  await page.getByText('What you sent was not passed on').waitFor();
  await inState(page, 'called');

  // time enough to go in by itself, were it to
  await page.waitForTimeout(GO_MS + 3 * BEAT_MS);
  assert.equal(page.loads, 2, 'the form, and what came of it');
  assert.deepEqual(rooms.upstream.methods, []);

  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.textContent),
    'Go in now');
  await page.keyboard.press('Enter');
  await order(page);
  assert.deepEqual(rooms.upstream.methods, ['GET']);
});

test('the operator pauses, closes, opens and ends the sale', async () => {
  const page = await staged();

  for (const [settings, state, title] of [
    [{ state: 'paused' }, 'paused', 'The line is paused'],
    [{ state: 'closed' }, 'closed', 'The sale is closed'],
    [{ state: 'open' }, 'waiting', 'You are in line'],
    [{ ends: '2001-01-01T00:00:00Z' }, 'over', 'The sale is over']]) {
    await change(rooms.nginx, 'slow', settings);
    await page.clock.runFor(70_000);
    await inState(page, state);
    assert.equal(await says(page, 'title'), title);
    assert.match(await page.locator('p[data-admission=status]').textContent(),
      new RegExp(`^${title}\\.`));
  }
  await change(rooms.nginx, 'slow', { ends: null });
  assert.deepEqual(page.faults, []);
});

test('accessible in every state, in light and dark, and on a phone',
  async () => {
    for (const state of STATES) {
      const page = await staged(() =>
        (['waiting', 'paused'].includes(state) ? { ...waiting(1283), state }
          : { ...called(), state }));
      await hide(page, true);
      await polled(page);
      await inState(page, state);
      await isAccessible(page, state);
      await fits(page, 320);
      assert.deepEqual(page.faults, []);
      await page.context().close();
    }
  });

test('what is left is told, and that it came back', async () => {
  const said = [
    [waiting(9, { stock: 'beyond' }), 'You are in line',
      'More people than units are before you.'],
    [{ ...waiting(9), state: 'paused', stock: 'reserved' }, 'All reserved',
      'Some of it may come back.'],
    [{ state: 'sold_out', poll_after_ms: 5000 }, 'Sold out',
      'Nothing is left.'],
    [waiting(9), 'You are in line',
      'More people have come than can be let in at once.'],
  ];
  const page = await staged((n) => said[Math.min(n, said.length) - 1][0]);

  for (const [answer, title, detail] of said) {
    await polled(page);
    await inState(page, answer.state);
    assert.equal(await says(page, 'title'), title);
    assert.equal(await says(page, 'detail'), detail);
    assert.match(await page.locator('p[data-admission=status]').textContent(),
      new RegExp(`^${title}\\. ${detail}`));
  }
  assert.deepEqual(page.faults, []);
});

test('the place never gets worse, not even when the page is loaded again',
  async () => {
    const ahead = [70, 65, 80, 30, 45];
    const page = await staged((n) => waiting(ahead[n - 1]),
      { page: { ahead: '60' } });
    const shown = [];

    for (let i = 0; i < 4; i++) {
      await polled(page);
      shown.push([await says(page, 'ahead'), await says(page, 'position')]);
    }
    assert.deepEqual(shown, [['70', '71'], ['65', '66'], ['65', '66'],
      ['30', '31']], 'once a crowd has arrived it only falls');
    assert.match(await page.title(), /^30 ahead \u2013 127\.0\.0\.1$/);
    assert.equal(await says(page, 'wait'), '2 to 3 minutes');

    await page.reload();
    await polled(page);
    assert.equal(await says(page, 'ahead'), '30');
  });

test('the bar goes on as the place comes nearer', async () => {
  const page = await staged((n) => waiting(400 / 2 ** n),
    { page: { ahead: '400', progress: '20' } });
  const bar = page.getByRole('progressbar', { name: /^Your place in line/ });
  const value = () => bar.evaluate((node) => node.value);

  assert.equal(await value(), 20);
  await polled(page);
  assert.equal(await value(), 60);
  await polled(page);
  assert.equal(await value(), 80);
});

test('whose turn it is is told, in the title too, and then taken in',
  async () => {
    const page = await staged((n) => (n === 1 ? waiting(1) : called()));
    await polled(page, 2);
    assert.match(await page.locator('[data-admission=status]').textContent(),
      /^It is your turn\. .*takes you in/);
    assert.match(await page.title(), /^Your turn \(\d{2,3} s\) /);
    assert.equal(await page.evaluate(() => document.activeElement.tagName),
      'BODY', 'the focus stays where it was');
    await page.getByRole('link', { name: 'Go in now' }).waitFor();

    await stays(page, 'one is to read it first');
    await page.clock.runFor(GO_MS);
    await waitFor('it is loaded', 30, () => page.loads === 1);
  });

test('a tab behind others waits until it is seen', async () => {
  const page = await staged(() => called());
  await hide(page, true);
  await polled(page);
  await page.clock.runFor(40_000);
  await stays(page);
  assert.match(await page.title(), /^Your turn /);

  await hide(page, false);
  await stays(page, 'one is to read it first');
  await page.clock.runFor(GO_MS + BEAT_MS);
  await waitFor('it is loaded', 30, () => page.loads === 1);
});

test('a tab that comes back late asks at once', async () => {
  const page = await staged(() => waiting(5, { poll_after_ms: 60_000 }));
  await polled(page);
  const before = page.polls;
  await page.clock.pauseAt(Date.now() + 600_000);
  await hide(page, false);
  await waitFor('it asks', 30, () => page.polls > before);
});

test('who is called and finds no room comes again no sooner than told',
  async () => {
    const page = await staged(() => called({ poll_after_ms: 60_000 }),
      { page: { state: 'called', poll: '20000', left: '100' } });
    await page.clock.runFor(19_000);
    await stays(page);
    await page.clock.runFor(2000);
    await waitFor('it is loaded', 30, () => page.loads === 1);
  });

test('a server that is gone: it says so, asks less and less, and is back',
  async () => {
    let gone = true;
    const page = await staged(() => (gone ? null : waiting(7)));
    const until = async () => {
      const before = page.polls;
      let ms = 0;
      while (page.polls === before && ms < 200_000) {
        await page.clock.runFor(BEAT_MS);
        await page.evaluate(() => new Promise((done) => {
          queueMicrotask(done);
        }));
        ms += BEAT_MS;
      }
      return ms;
    };

    await until();
    const trouble = page.getByRole('status')
      .filter({ hasText: 'The shop does not answer at the moment.' });
    await trouble.waitFor();
    await isAccessible(page, 'in trouble');

    const pauses = [];
    for (let i = 0; i < 12; i++) pauses.push(await until());
    assert.ok(Math.max(...pauses) <= 62_000, `${pauses}: never gives up`);
    assert.ok(pauses.slice(6).reduce((a, b) => a + b) > 34_000,
      `${pauses}: it asks less and less`);
    await stays(page);

    gone = false;
    await until();
    await trouble.waitFor({ state: 'hidden' });
    assert.equal(await says(page, 'ahead'), '7');
  });

test('nobody goes in while the connection is gone', async () => {
  const page = await staged(() => called());
  await polled(page);
  await page.context().setOffline(true);
  await page.getByText('You are offline.').waitFor();
  await page.clock.runFor(2 * GO_MS);
  await stays(page);
});

test('a shop that answers instead of the room: nobody waits any more',
  async () => {
    const page = await staged(() => waiting(9));
    await polled(page);
    await page.route('**/*', (route) =>
      route.fulfill({ status: 200, body: '<h1>the shop</h1>' }));
    await waitFor('it goes in', 30, async () => {
      await page.clock.runFor(BEAT_MS);
      return page.loads === 1;
    });
    await page.getByRole('heading', { name: 'the shop' }).waitFor();
  });

test('an answer that is none is no news', async () => {
  const page = await staged((n) => (n === 1 ? waiting(9)
    : { state: n === 2 ? 'constructor' : undefined, ahead: 1 }));
  await polled(page, 3);
  assert.equal(await says(page, 'ahead'), '9');
  await page.getByText('The shop does not answer').waitFor();
});

test('no cookies, no place: it says so', async () => {
  const page = await staged(() => waiting(9), { prepare: (page) =>
    page.addInitScript(() => Object.defineProperty(navigator, 'cookieEnabled',
      { value: false })) });
  await page.getByText('Your browser does not keep cookies').waitFor();
});

test('nothing moves for those who want it so', async () => {
  const moving = async (reducedMotion) => {
    const page = await arrive(await shopper({ reducedMotion }),
      `${origin}/slow`);
    return page.evaluate(() => document.getAnimations().length);
  };
  assert.ok(await moving('no-preference') > 0);
  assert.equal(await moving('reduce'), 0);
});

test('a page of the shop’s own, with the script', async () => {
  const page = await arrive(await shopper(), `${origin}/own`, (page) =>
    pretend(page, () => waiting(1283)));
  await polled(page);
  assert.equal(await says(page, 'ahead'), '1,283');
  assert.match(await page.title(), /^1,283 ahead \u2013 Kiln and Moth$/);
  assert.deepEqual(page.faults, []);
});
