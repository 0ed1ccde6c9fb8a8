// Asks for the shopper's state when the server wants to be asked, shows it,
// and goes in when it is the shopper's turn.  It works on any page that has
// elements with data-admission="...": see docs/directives.md, "page".
//
// What asks never claims a turn: only to load the page does.
//
// SPDX-License-Identifier: BSD-2-Clause

import { STATES, NO_COOKIES, OFFLINE, SILENT } from './words.mjs';
import { ahead, aheadOfYou, span, yourTurn } from './words.mjs';

const BEAT_MS = 500;
const GO_MS = 3000;           // to read that it is one's turn
const ANSWER_MS = 15000;      // then nobody answers any more
const LEAST_MS = 1000;        // between polls, whatever the server says
const MOST_MS = 60000;        // between polls that fail
const DEFAULT_MS = 30000;
const EARLY = 2;              // answers of which the place may still rise
const GOING = ['called', 'admitted', 'open'];

const page = document.documentElement;
const given = document.querySelector('[data-admission=script]').dataset;
const kept = `admission ${given.room} ${given.ticket}`;
const repeatable = given.method === 'GET' || given.method === 'HEAD';
const site = document.querySelector('title[data-admission]')
  ? location.hostname : document.title;

let shown = {};               // the last answer, as it is shown
let least = recall();         // the fewest ahead, and in which state
let answers = 0;
let base;                     // ahead and progress, to go on from
let said;                     // the sentence below the heading
let told;                     // the fewest ahead that were announced
let failures = 0;
let asking = false;
let gone = false;

let toPoll = Infinity;        // ms
let toGo = Infinity;
let left = 0;
let before = Date.now();


const words = (answer) => STATES[answer.stock] ?? STATES[answer.state];
const digits = (n) => (n === undefined ? '' : n.toLocaleString('en'));
const seconds = () => (left > 0 ? digits(Math.ceil(left / 1000)) : '');

function put(name, text) {
  for (const node of document.querySelectorAll(`[data-admission=${name}]`)) {
    if (node.textContent !== text) node.textContent = text;
  }
}


// The place shown never gets worse by itself, not even when the page is
// loaded again: an estimate that rises is read as having been overtaken.  But
// people are counted once they have come back: while a crowd arrives, one's
// first two answers know of few of those who came just before.

function recall() {
  try {
    return JSON.parse(sessionStorage.getItem(kept)) ?? {};
  } catch {
    return {};
  }
}

function atMost(answer) {
  if (answer.ahead === undefined) return answer;

  const n = answer.state === least.state
    ? Math.min(least.ahead, answer.ahead) : answer.ahead;
  if (least.state || ++answers > EARLY) {
    least = { state: answer.state, ahead: n };
  }
  try {
    sessionStorage.setItem(kept, JSON.stringify(least));
  } catch { /* then only until the page is loaded again */ }

  return { ...answer, ahead: n, position: n + 1 };
}

// the share of the way, from where the server saw it first
function progress(n) {
  if (!base || n > base.ahead) {
    base = { ahead: n, progress: Number(given.progress) };
  }
  return n < base.ahead
    ? 100 - (100 - base.progress) * n / base.ahead : base.progress;
}


function announce(answer, changed, [title, detail, hint]) {
  if (changed) {
    put('status', `${title}. ${detail} ${hint}`);
    told = answer.ahead;

  } else if (told === undefined || answer.ahead <= told / 2) {
    if (told !== undefined) put('status', aheadOfYou(digits(answer.ahead)));
    told = answer.ahead;
  }
}

function retitle() {
  const title = `${GOING.includes(shown.state) ? yourTurn(seconds())
    : shown.ahead === undefined ? words(shown)[0]
      : ahead(digits(shown.ahead))} \u2013 ${site}`;
  if (document.title !== title) document.title = title;
}

function show(answer, first) {
  const [title, detail, always] = words(answer);
  const changed = !first && detail !== said;
  const hint = repeatable || !GOING.includes(answer.state) ? always : '';

  said = detail;
  shown = atMost(answer);
  page.dataset.admissionState = shown.state;
  page.dataset.admissionPosition = shown.position ?? '';

  if (changed) {
    put('title', title);
    put('detail', detail);
  }
  put('hint', hint);
  put('position', digits(shown.position));
  put('ahead', digits(shown.ahead));
  put('wait', shown.wait_range ? span(...shown.wait_range) : '');
  if (shown.ahead !== undefined) {
    for (const node of document.querySelectorAll('progress[data-admission]')) {
      node.value = progress(shown.ahead);
    }
  }
  announce(shown, changed, [title, detail, hint]);
}


function hear(answer, first) {
  const going = GOING.includes(answer.state);
  const poll = Math.max(LEAST_MS, answer.poll_after_ms || DEFAULT_MS);

  // who loads a page that says "your turn" has just tried to go in
  if (!going || !repeatable) toGo = Infinity;
  else if (first) toGo = Math.max(GO_MS, poll);
  else if (toGo === Infinity) toGo = GO_MS;

  left = (answer.claim_expires_in ?? 0) * 1000;
  toPoll = answer.state === 'over' && !answer.poll_after_ms ? Infinity : poll;
  show(answer, first);
  beat();
}

async function read(response) {
  if (/json/.test(response.headers.get('Content-Type'))) {
    const answer = await response.json();
    if (STATES[answer.state]) return answer;
  }

  // it was not the room: who answers is the shop, and nobody waits any more
  if (response.ok || response.type === 'opaqueredirect') {
    return { state: 'open' };
  }
  throw Object.assign(new Error('no answer of the room'),
    { pause: Number(response.headers.get('Retry-After')) * 1000 });
}

function fail({ pause }) {
  const most = Math.min(MOST_MS, LEAST_MS * 2 ** ++failures);
  toPoll = (pause || LEAST_MS) + Math.random() * most;
  put('trouble', navigator.onLine ? SILENT : OFFLINE);
}

async function ask() {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), ANSWER_MS);
  asking = true;

  try {
    const answer = await read(await fetch(location.href, {
      headers: { 'Admission-Poll': '1', Accept: 'application/json' },
      cache: 'no-store', credentials: 'same-origin', redirect: 'manual',
      signal: late.signal }));
    failures = 0;
    put('trouble', '');
    hear(answer);
  } catch (why) {
    fail(why);
  }
  clearTimeout(timer);
  asking = false;
}


// What has passed since the last beat is counted, not the clock read: a tab
// that slept is late and knows it, a clock that is set back stops nothing.

function beat() {
  const now = Date.now();
  const passed = Math.max(0, now - before);
  before = now;
  toPoll -= passed;
  left -= passed;

  // who does not see the page has not seen whose turn it is
  toGo = document.hidden ? Math.max(toGo - passed, GO_MS) : toGo - passed;

  if (gone) return;
  put('left', seconds());
  retitle();

  if (toGo <= 0 && navigator.onLine && !failures) {
    gone = true;
    location.reload();
  } else if (toPoll <= 0 && !asking) {
    ask();
  }
}


const number = (text) => (text ? Number(text) : undefined);

if (!navigator.cookieEnabled) put('cookies', NO_COOKIES);

hear({ state: STATES[given.state] ? given.state : 'unknown',
  stock: given.stock,
  ahead: number(given.ahead),
  wait_range: given.high ? [number(given.low), number(given.high)] : undefined,
  poll_after_ms: number(given.poll),
  claim_expires_in: number(given.left) }, true);

setInterval(beat, BEAT_MS);
document.addEventListener('visibilitychange', beat);
addEventListener('offline', () => put('trouble', OFFLINE));
addEventListener('online', () => {
  toPoll = Math.min(toPoll, Math.random() * LEAST_MS);
});
addEventListener('pageshow', ({ persisted }) => {
  if (!persisted) return;
  gone = false;
  toPoll = 0;
  beat();
});
