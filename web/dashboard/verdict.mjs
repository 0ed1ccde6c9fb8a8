// The one line that says how things are: the first of these conditions that
// holds.  Others that hold are said after it.

import { STALE_S } from './metrics.mjs';
import { show } from './format.mjs';
import { failed, passed, refused, wouldRefuse } from './verdicts.mjs';
import { gates, gateState, roomState, serverError,
  storeState } from './panels.mjs';

const LAG_S = 0.1;          // an event loop that takes longer a turn is behind
const ERRORS = 0.1;         // share of the upstream's answers,
const ANSWERS = 5;          // unless they are too few to tell
const FULL = 0.95;          // share of a zone

const rate = (x) => show(x, 'rate');

// "(rate)", "(rate, cost)": the reasons of these requests, the commonest first
function reasons(v, where) {
  const rates = new Map();

  for (const { labels } of v.samples('requests_total', where)) {
    const { reason } = labels;
    rates.set(reason, v.rate('requests_total',
      (other) => where(other) && other.reason === reason));
  }
  const names = [...rates].filter(([name, n]) => name && n > 0)
    .sort(([, a], [, b]) => b - a).map(([name]) => name);

  return names.length ? ` (${names.join(', ')})` : '';
}

function fullest(v) {
  return v.samples('zone_used_ratio')
    .reduce((a, b) => (a && a.value >= b.value ? a : b), null);
}

// the names of the rooms that are so
const roomsThatAre = (v, title) => v.samples('room_state')
  .filter(({ labels: { room } }) => roomState(v, { room }).title === title)
  .map(({ labels }) => labels.room).join(', ');

// the names of the upstreams that are so
const upstreamsThatAre = (v, title) => gates(v)
  .filter((where) => gateState(v, where).title === title)
  .map(({ upstream }) => upstream).join(', ');

// "a, b and 3 more": the SKUs that are so
function skus(v, where) {
  const names = v.samples('inventory_available')
    .filter(({ labels: { sku }, value }) => where(sku, value))
    .map(({ labels: { sku } }) => sku);

  return names.length > 4
    ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more`
    : names.join(', ');
}

const held = (v, sku) => v.peak('inventory_held', { sku })
  + v.peak('inventory_unresolved', { sku });
const soldOut = (v) => skus(v, (sku, n) => n === 0 && held(v, sku) === 0);
const reserved = (v) => skus(v, (sku, n) => n === 0 && held(v, sku) > 0);

// say gets a View, { mode, age, trouble }, and says a sentence, or nothing
// where the condition does not hold.  Those about traffic need a rate; one
// that is "alone" is never said after another.
const CONDITIONS = [
  { id: 'unseen', chip: 'No data', level: 'bad', alone: true,
    say: (v, { trouble }) => !v
      && (trouble ? `No data yet: ${trouble}` : 'Asking for data') },
  { id: 'stale', chip: 'No data', level: 'bad',
    say: (v, { age, trouble }) => age > STALE_S
      && `No data for ${Math.floor(age)} s${trouble ? `: ${trouble}` : ''}` },
  { id: 'behind', chip: 'Trouble', level: 'bad',
    say: (v) => v.peak('loop_lag_seconds') >= LAG_S
      && `Worker event loops are behind: ${
        show(v.peak('loop_lag_seconds'), 'seconds')}` },
  { id: 'upstream', chip: 'Trouble', level: 'bad',
    say: (v) => v.increase('upstream_responses_total') >= ANSWERS
      && v.share('upstream_responses_total', serverError) >= ERRORS
      && `Upstream is failing: ${
        show(v.share('upstream_responses_total', serverError), 'share')
      } of answers are 5xx${v.increase('upstream_responses_total',
        { class: 'none' }) > 0 ? ' or missing' : ''}` },
  { id: 'circuit', chip: 'Trouble', level: 'bad',
    say: (v) => upstreamsThatAre(v, 'Circuit open')
      && `Circuit open, nothing reaches the upstream: ${
        upstreamsThatAre(v, 'Circuit open')}` },
  { id: 'failing', chip: 'Trouble', level: 'bad',
    say: (v) => v.rate('requests_total', failed) > 0
      && `Deciding fails for ${rate(v.rate('requests_total', failed))}${
        reasons(v, failed)}` },
  { id: 'store', chip: 'Trouble', level: 'bad',
    say: (v) => storeState(v)?.level === 'bad'
      && 'Redis does not answer: this node decides by itself' },
  { id: 'stalled', chip: 'Trouble', level: 'bad',
    say: (v) => roomsThatAre(v, 'Stands still')
      && `The line stands still: ${roomsThatAre(v, 'Stands still')}` },
  { id: 'unkept', chip: 'Trouble', level: 'bad',
    say: (v) => v.peak('state_up') === 0
      && 'Nothing comes to disk: a restart would lose lines and switches' },
  { id: 'hiccup', chip: 'Trouble', level: 'warn',
    say: (v) => storeState(v)?.level === 'good'
      && v.rate('fail_policy_total') > 0
      && `Redis is slow: ${rate(v.rate('fail_policy_total'))
      } are decided without it` },
  { id: 'held', chip: 'Held open', level: 'warn',
    say: (v) => upstreamsThatAre(v, 'Held open by an operator')
      && `An operator lets nothing reach the upstream: ${
        upstreamsThatAre(v, 'Held open by an operator')}` },
  { id: 'closed', chip: 'Closed', level: 'warn',
    say: (v) => roomsThatAre(v, 'Closed')
      && `Closed: ${roomsThatAre(v, 'Closed')}` },
  { id: 'paused', chip: 'Paused', level: 'warn',
    say: (v) => roomsThatAre(v, 'Paused')
      && `Paused, nobody is called: ${roomsThatAre(v, 'Paused')}` },
  { id: 'unresolved', chip: 'Unresolved', level: 'warn',
    say: (v) => v.total('inventory_unresolved_units') > 0
      && `Unresolved units: ${
        show(v.total('inventory_unresolved_units'), 'count')
      }, of orders that were sent and never answered` },
  { id: 'full', chip: 'Full', level: 'warn',
    say: (v) => fullest(v)?.value >= FULL
      && `Zone ${fullest(v).labels.zone} is full: ${
        show(fullest(v).value, 'share')} used` },
  { id: 'off', chip: 'Off', level: 'warn',
    say: (v, { mode }) => mode === 'off'
      && 'Off: everything passes, nothing is decided' },
  { id: 'dry-run', chip: 'Dry run', level: 'dry',
    say: (v, { mode }) => {
      const would = v.rate('requests_total', wouldRefuse);
      const is = v.rate('requests_total', refused);
      if (mode !== 'dry_run' && !(would > 0 && is === 0)) return null;
      return would > 0
        ? `Dry run: nothing is refused, ${rate(would)} would be${
          reasons(v, wouldRefuse)}`
        : 'Dry run: nothing is refused';
    } },
  { id: 'sold-out', chip: 'Sold out', level: 'refused',
    say: (v) => soldOut(v) && `Sold out: ${soldOut(v)}` },
  { id: 'reserved', chip: 'All reserved', level: 'refused',
    say: (v) => reserved(v) && `All reserved, none is free: ${reserved(v)}` },
  { id: 'refusing', chip: 'Refusing', level: 'refused',
    say: (v) => v.rate('requests_total', refused) > 0
      && `Admitting ${rate(v.rate('requests_total', passed))}, refusing ${
        rate(v.rate('requests_total', refused))}${reasons(v, refused)}` },
  { id: 'waiting', chip: 'Waiting', level: 'good',
    say: (v) => v.total('room_waiting') > 0
      && v.rate('room_admitted_total') !== null
      && `${show(v.total('room_waiting'), 'count')} people wait, letting in ${
        rate(v.rate('room_admitted_total'))}` },
  { id: 'admitting', chip: 'Admitting', level: 'good',
    say: (v) => v.rate('requests_total', passed) > 0
      && !v.rate('requests_total', refused)
      && `Admitting ${rate(v.rate('requests_total', passed))}` },
  { id: 'measuring', chip: 'Connected', level: 'calm', alone: true,
    say: (v) => !v.first && 'Measuring' },
  { id: 'quiet', chip: 'Quiet', level: 'calm', alone: true,
    say: () => 'No traffic' },
];


// { id, chip, level, sentence, also: [sentence] }.  Without a View nothing
// but its absence can be said, and old data is not told as if it were now.
export function verdict(v, now) {
  const holding = [];

  for (const condition of CONDITIONS) {
    const sentence = condition.say(v, now);
    if (!sentence || (condition.alone && holding.length)) continue;
    holding.push({ ...condition, sentence });
    if (['unseen', 'stale'].includes(condition.id)) break;
  }
  const [first, ...others] = holding;

  return { ...first, also: others.map(({ sentence }) => sentence) };
}
