// Debian's Chromium with a page in it, which notes what it should not do.
// ADM_BROWSER_DIR is where `npm ci` put what package-lock.json names.
//
// SPDX-License-Identifier: BSD-2-Clause

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';

const from = path.resolve(process.env.ADM_BROWSER_DIR ?? 't/browser', '_');
const require = createRequire(from);
const { chromium } = require('playwright-core');
const axe = require('axe-core');

const CHROMIUM = process.env.ADM_CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic',
  '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];


export const launch = () =>
  chromium.launch({ executablePath: CHROMIUM, args: FLAGS });


// A page of this address, in a context of its own.
export async function open(browser, url, options = {}) {
  const context = await browser.newContext({ locale: 'en-US',
    viewport: { width: 1440, height: 900 }, ...options });
  return openIn(context, url);
}


// A page of this address; "prepare" is done with it before it is fetched.
// page.faults has scripts that threw, violations of the page's policy, and
// requests to elsewhere.
export async function openIn(context, url, prepare = () => {}) {
  const page = await context.newPage();
  const { origin } = new URL(url);

  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(String(error)));
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) {
      page.faults.push(message.text());
    }
  });
  page.on('request', (request) => {
    const asked = request.url();
    if (!asked.startsWith(`${origin}/`) && !asked.startsWith('data:')) {
      page.faults.push(`asked for ${asked}`);
    }
  });
  await prepare(page);
  await page.goto(url);
  return page;
}


// That axe finds nothing, in light and in dark.
export async function isAccessible(page, when) {
  await page.evaluate(axe.source);

  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const { violations, passes } = await page.evaluate(() =>
      globalThis.axe.run({ resultTypes: ['violations'] }));
    const found = violations.map(({ id, nodes }) =>
      `${id}: ${nodes.map(({ html, failureSummary }) =>
        `${html} ${failureSummary}`).join('\n')}`);

    assert.deepEqual(found, [], `${when}, ${colorScheme}: axe`);
    assert.ok(passes.length > 10, `${when}: axe has looked`);
  }
}


export async function fits(page, width) {
  await page.setViewportSize({ width, height: 700 });
  const wide = await page.evaluate(() =>
    document.documentElement.scrollWidth);
  assert.ok(wide <= width, `${wide} fits into ${width}`);
}
