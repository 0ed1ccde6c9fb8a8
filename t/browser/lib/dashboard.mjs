// The dashboard before a shop, and what stands on it.
//
// SPDX-License-Identifier: BSD-2-Clause

import assert from 'node:assert/strict';

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

const TONES = ['good', 'refused', 'dry', 'warn', 'bad'];

// Every tone wherever a figure can have one, as if each were high at once.
export async function allTones(page) {
  for (const where of ['.figures .values > p', '.tables td.number',
    '.facts > div']) {
    const there = await page.locator(where).evaluateAll((nodes, tones) => {
      nodes.forEach((node, i) => {
        node.dataset.level = tones[i % tones.length];
      });
      return nodes.length;
    }, TONES);
    assert.ok(there >= TONES.length, `${where}: ${there} for the tones`);
  }
}

// The contrast of each text's colour on each ground among stale figures, as
// [what, contrast]: of what is seen, since axe does not heed a filter.
export async function staleContrasts(page) {
  const found = [];

  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    found.push(...await page.evaluate(([scheme, texts]) => {
      const root = getComputedStyle(document.documentElement);
      const { filter, opacity }
        = getComputedStyle(document.querySelector('[data-stale] .facts'));
      const context = new OffscreenCanvas(1, 1)
        .getContext('2d', { willReadFrequently: true });

      // as the browser itself puts it onto the page
      const luminance = (color) => {
        for (const [fill, own] of [['--paper', {}],
          [color, { filter, globalAlpha: opacity }]]) {
          Object.assign(context, { filter: 'none', globalAlpha: 1, ...own,
            fillStyle: root.getPropertyValue(fill).trim() });
          context.fillRect(0, 0, 1, 1);
        }
        const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data]
          .map((byte) => (byte <= 10 ? byte / 255 / 12.92
            : ((byte / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };

      return texts.flatMap((text) => ['--paper', '--card'].map((ground) => {
        const [dark, light] = [luminance(text), luminance(ground)]
          .sort((a, b) => a - b);
        return [`${text} on ${ground}, ${scheme}`,
          (light + 0.05) / (dark + 0.05)];
      }));
    }, [colorScheme, ['ink', 'soft', ...TONES].map((name) => `--${name}`)]));
  }
  return found;
}
