// The dashboard before a shop, and what stands on it.
//
// SPDX-License-Identifier: BSD-2-Clause

import { Nginx, Upstream } from './nginx.mjs';

// A client is the argument c: five at once, and one a second.
const CONF = (port, upstream) => `
    admission_zone checkout 1m;
    admission_rate per_client $arg_c rate=1r/s burst=4 zone=checkout;
    admission_log_level info;
    upstream shop { server 127.0.0.1:${upstream}; keepalive 16; }

    server {
        listen 127.0.0.1:${port};
        admission_site shop;

        location = /buy {
            admission_limit per_client;
            proxy_pass http://shop;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }

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

export async function startShop() {
  const upstream = await Upstream.start();
  const nginx = await Nginx.start((port) => CONF(port, upstream.port));
  return { upstream, nginx };
}

export const sentence = (page) => page.locator('#sentence').innerText();
export const chip = (page) => page.locator('#chip').innerText();

// "1,234/s" is 1234
export const number = (text) => Number(text.replace(/[^\d.]/g, '') || NaN);

export function figure(page, title) {
  return page.getByRole('group', { name: title, exact: true })
    .locator('.value').first().innerText();
}

// The rows of a table, as the texts of their cells.
export function table(page, title) {
  return page.locator('section.panel')
    .filter({ has: page.getByRole('heading', { name: title, exact: true }) })
    .locator('tbody tr').evaluateAll((rows) => rows.map((row) =>
      [...row.cells].map((cell) => cell.innerText.trim())));
}

// The last cell of the row that begins so: its total.
export async function total(page, title, ...names) {
  const row = (await table(page, title)).find((cells) =>
    names.every((name, i) => cells[i] === name));
  return row ? number(row.at(-1)) : 0;
}
