// Writes docs/dashboard-light.png and docs/dashboard-dark.png: the dashboard
// in the middle of a sale, which it makes with a crowd of its own and which
// takes five minutes; and docs/waiting-page-*.png, the embedded waiting page
// with a line that is made up.  By hand, with the environment of the tests:
//
//     node t/browser/screenshots.mjs dashboard
//     node t/browser/screenshots.mjs waiting-page
//
// SPDX-License-Identifier: BSD-2-Clause

import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { launch, open } from './lib/browser.mjs';
import { Crowd, Nginx, ROOT, Upstream } from './lib/nginx.mjs';
import { altered, arrive, inState, pretend, startRooms }
  from './lib/room.mjs';

// Requests a second, and for how many seconds: the shop opens in the fourth.
const SALE = [[60, 40], [70, 30], [110, 25], [700, 40], [560, 35], [420, 40],
  [330, 40], [380, 45]];
const CLIENTS = 400;

const CONF = (port, upstream) => `
    admission_zone checkout 64k;
    admission_rate per_client $arg_c rate=2r/s burst=4 zone=checkout;
    admission_rate everyone $server_name rate=180r/s burst=60 zone=checkout;
    admission_log_level info;
    upstream checkout { server 127.0.0.1:${upstream}; keepalive 32; }

    server {
        listen 127.0.0.1:${port};
        server_name shop;
        admission_site shop;

        location = /buy {
            admission_limit per_client;
            admission_limit everyone;
            proxy_pass http://checkout;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }

        location /control/ { admission_control; }
        location = /admission { admission_dashboard control=/control; }
    }
`;

// from half to three times the median, as services are
const delay = () => 28 * Math.exp(0.45 * (Math.random() + Math.random()
  + Math.random() - 1.5) * 2);

// a few clients are much busier than the others
const target = () =>
  `/buy?c=${Math.floor(CLIENTS * Math.random() ** 3)}`;


// Name, and how the browser is; whose turn it is, on the phone.
const VIEWS = [
  ['light', { viewport: { width: 900, height: 760 } }],
  ['dark', { viewport: { width: 900, height: 760 }, colorScheme: 'dark' }],
  ['phone', { viewport: { width: 390, height: 760 }, deviceScaleFactor: 2 }],
];


async function dashboard(browser) {
  const upstream = await Upstream.start();
  upstream.delay = delay;
  const nginx = await Nginx.start((port) => CONF(port, upstream.port));
  const pages = await Promise.all(['light', 'dark'].map((colorScheme) =>
    open(browser, `${nginx.origin}/admission`,
      { colorScheme, viewport: { width: 1600, height: 1180 } })));

  for (const [perSecond, seconds] of SALE) {
    const crowd = new Crowd(nginx.port, perSecond, target);
    await sleep(seconds * 1000);

    if (perSecond === SALE.at(-1)[0]) {
      for (const [i, scheme] of ['light', 'dark'].entries()) {
        await pages[i].screenshot({
          path: path.join(ROOT, `docs/dashboard-${scheme}.png`) });
      }
    }
    await crowd.end();
  }
  await nginx.finish();
  await upstream.stop();
}

async function waitingPage(browser) {
  const { nginx, upstream } = await startRooms();

  for (const [name, options] of VIEWS) {
    const state = name === 'phone' ? 'called' : 'waiting';
    const context = await browser.newContext({ locale: 'en-US', ...options });
    const page = await arrive(context, `${nginx.origin}/slow`,
      async (page) => {
        await pretend(page, () => ({ state, poll_after_ms: 60_000,
          ...(state === 'called' ? { claim_expires_in: 118 } : { ahead: 1283,
            wait_range: [130, 170] }) }));
        await altered(page, { state: 'waiting', ahead: '2100', poll: '1000',
          progress: '8' });
      });
    await page.clock.runFor(2000);
    await inState(page, state);
    await page.getByText(state === 'called' ? '118' : '1,283').first()
      .waitFor();
    await page.screenshot({
      path: path.join(ROOT, `docs/waiting-page-${name}.png`) });
    await context.close();
  }
  await nginx.finish();
  await upstream.stop();
}

const TAKE = { dashboard, 'waiting-page': waitingPage };

const browser = await launch();
await TAKE[process.argv[2]](browser);
await browser.close();
process.exit();
