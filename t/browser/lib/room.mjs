// Waiting rooms before a shop, and shoppers who come to them.
//
// SPDX-License-Identifier: BSD-2-Clause

import assert from 'node:assert/strict';

import { openIn } from './browser.mjs';
import { Nginx, Upstream } from './nginx.mjs';

// What a shop would write: its own words, the script, and nothing else.
const OWN = `<!doctype html>
<html lang="en" data-admission-state="{{state}}">
<meta charset="utf-8">
<title>Kiln and Moth</title>
<h1 data-admission="title">{{title}}</h1>
<p>The kiln is hot: <b data-admission="ahead">{{ahead}}</b> before you.</p>
<progress data-admission="progress" max="100" aria-label="Your way"></progress>
{{script}}
</html>
`;

// One shopper in five seconds; one in an hour, with each kind of page.  Stock
// error pages stand in every configuration.
const CONF = (port, upstream) => `
    admission_room drop { mode always; rate 12r/m; }
    admission_room slow { mode always; rate 1r/h; }
    admission_room own { mode always; rate 1r/h; page own.html; }
    upstream shop { server 127.0.0.1:${upstream}; }

    server {
        listen 127.0.0.1:${port};
        error_page 500 502 503 504 /50x.html;

        location = /50x.html { return 200 "stock"; }
        location = /form { default_type text/html; return 200
            '<form method="post" action="/drop"><button>Buy</button></form>'; }
        location = /drop { admission_wait drop; proxy_pass http://shop; }
        location = /slow { admission_wait slow; proxy_pass http://shop; }
        location = /own { admission_wait own; proxy_pass http://shop; }
        location /control/ { admission_control; }
    }
`;

export async function startRooms() {
  const upstream = await Upstream.start();
  const nginx = await Nginx.start((port) => CONF(port, upstream.port),
    { files: { 'own.html': OWN } });
  return { upstream, nginx };
}

// An operator changes the room.
export async function change(nginx, room, settings) {
  const response = await fetch(`${nginx.origin}/control/rooms/${room}`, {
    method: 'PATCH', headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(settings) });
  assert.equal(response.status, 200, await response.text());
}

const isPoll = (request) => request.headers()['admission-poll'] === '1';

// A shopper's page: page.seen has each [state, position] as it was shown,
// page.answers the state in each poll's answer, and when it was asked and
// known, page.loads how often the page was loaded.
export function arrive(context, url, prepare = () => {}) {
  return openIn(context, url, async (page) => {
    Object.assign(page, { seen: [], answers: [], loads: 0 });
    page.on('request', (request) => {
      if (request.isNavigationRequest()) page.loads++;
      request.asked = performance.now();
    });
    page.on('response', async (response) => {
      const request = response.request();
      if (!isPoll(request)) return;
      const known = performance.now();
      const { state } = await response.json().catch(() => ({}));
      page.answers.push({ state, known, asked: request.asked });
    });
    await page.exposeFunction('saw', (...what) => page.seen.push(what));
    await page.addInitScript(() => {
      const tell = () => {
        const { admissionState: state, admissionPosition: position }
          = document.documentElement.dataset;
        if (state) globalThis.saw(state, Number(position));
      };
      document.addEventListener('DOMContentLoaded', () => {
        tell();
        new MutationObserver(tell).observe(document.documentElement,
          { attributes: true, attributeFilter: ['data-admission-state',
            'data-admission-position'] });
      });
    });
    await prepare(page);
  });
}

// The state as the page shows it.
export const inState = (page, state, timeout = 30_000) =>
  page.locator(`html[data-admission-state=${state}]`)
    .waitFor({ state: 'attached', timeout });

// The number of the shopper's order: that the shop itself was reached.
export async function order(page, timeout = 40_000) {
  await page.getByText('"item":"Dusk"').waitFor({ timeout });
  return JSON.parse(await page.locator('body').innerText()).order;
}

export const ticket = (page) =>
  page.locator('[data-admission=script]').getAttribute('data-ticket');

export const says = (page, what) =>
  page.locator(`[data-admission=${what}]`).first().innerText();

// Time goes on when it is told to; page.polls counts the polls.  They are
// answered by "answer", where null is a server that is gone, or by the server.
export async function pretend(page, answer) {
  await page.clock.install();
  page.polls = 0;
  await page.route('**/*', async (route) => {
    if (!isPoll(route.request())) return route.fallback();
    page.polls++;
    if (!answer) return route.fallback();
    const json = answer(page.polls);
    return json === null ? route.abort()
      : route.fulfill({ status: 503, json: { room: 'slow', ...json } });
  });
}

// The page itself, with some attributes of its script changed.
export const altered = (page, attributes) =>
  page.route('**/*', async (route) => {
    if (!route.request().isNavigationRequest()) return route.fallback();
    const response = await route.fetch();
    let body = await response.text();
    for (const [name, value] of Object.entries(attributes)) {
      body = body.replace(new RegExp(`( data-${name}=)"[^"]*"`),
        `$1"${value}"`);
    }
    return route.fulfill({ response, body });
  });

// The page is before one's eyes, or behind another.
export const hide = (page, hidden) => page.evaluate((value) => {
  Object.defineProperty(document, 'hidden',
    { value, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}, hidden);
