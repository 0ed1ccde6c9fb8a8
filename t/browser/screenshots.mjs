// Writes docs/dashboard-light.png and docs/dashboard-dark.png: the dashboard
// in the middle of a sale, which it makes with a crowd of its own and which
// takes five minutes.  By hand, with the environment of the tests:
//
//     node t/browser/screenshots.mjs
//
// SPDX-License-Identifier: BSD-2-Clause

import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { launch, open } from './lib/browser.mjs';
import { Crowd, Nginx, ROOT, Upstream } from './lib/nginx.mjs';

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


const upstream = await Upstream.start();
upstream.delay = delay;
const nginx = await Nginx.start((port) => CONF(port, upstream.port));
const browser = await launch();
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

await browser.close();
await nginx.finish();
await upstream.stop();
process.exit();
