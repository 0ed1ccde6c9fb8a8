// All that the script says; what the page says first comes from the server.

// of each state: the heading, the sentence below it, and a hint that is true
// only where the script runs
const KEEPS = 'This page keeps itself up to date.';
const STAYS = `${KEEPS} You can close it and come back in time for your turn: `
  + 'your place is kept.';
const GOES = 'This page takes you in by itself in a moment.';

export const STATES = {
  __proto__: null,
  pre: ['You are about to join the line',
    'You get your number in a moment.', STAYS],
  waiting: ['You are in line',
    'More people have come than can be let in at once.', STAYS],
  called: ['It is your turn', 'You can go in now.', GOES],
  admitted: ['You can go in', 'You have been let in.', GOES],
  open: ['You can go in', 'Nobody has to wait any more.', GOES],
  paused: ['The line is paused',
    'Nobody is let in at the moment. Who has a place in line keeps it.',
    STAYS],
  beyond: ['You are in line', 'More people than units are before you.',
    STAYS],
  reserved: ['All reserved', 'Some of it may come back.', STAYS],
  sold_out: ['Sold out', 'Nothing is left.', KEEPS],
  closed: ['The sale is closed', 'The shop has closed the doors for now.',
    KEEPS],
  over: ['The sale is over', 'Nobody is let in any more.', ''],
  unknown: ['We cannot tell at the moment',
    'Your place, if you have one, is kept. We are trying again.', STAYS],
};

export const OFFLINE = 'You are offline. Your place is kept, and this page '
  + 'goes on once you are back.';
export const SILENT = 'The shop does not answer at the moment. Your place is '
  + 'kept, and this page tries again by itself.';
export const NO_COOKIES = 'Your browser does not keep cookies, and without '
  + 'one we cannot keep your place. Please allow them for this site, then '
  + 'open this page again.';

export const ahead = (n) => `${n} ahead`;
export const aheadOfYou = (n) => `${n} ahead of you.`;
export const yourTurn = (left) =>
  (left ? `Your turn (${left} s)` : 'Your turn');

// Seconds, at best and at worst, in words that are no finer than they are
// true: over two hours, in hours.
export function span(low, high) {
  if (high < 60) return 'less than a minute';
  const [unit, one, many] = high <= 7200 ? [60, 'minute', 'minutes']
    : [3600, 'hour', 'hours'];
  const from = Math.max(1, Math.floor(low / unit));
  const to = Math.ceil(high / unit);
  return from === to ? `about ${to} ${to === 1 ? one : many}`
    : `${from} to ${to} ${many}`;
}
