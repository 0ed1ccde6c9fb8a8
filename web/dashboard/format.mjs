// Figures as people read them, in the operator's own locale.

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat(undefined,
  { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const percent = new Intl.NumberFormat(undefined,
  { style: 'percent', maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat(undefined,
  { style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });
const minute = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const moment = new Intl.DateTimeFormat(undefined,
  { dateStyle: 'medium', timeStyle: 'medium' });

export const NONE = '–';

// to two figures at least
const short = (x) => (x > 0 && x < 9.95 ? tenths : whole).format(x);

const DURATIONS = [[1e-3, 1e6, 'µs'], [1, 1e3, 'ms'], [120, 1, 's'],
  [7200, 1 / 60, 'min'], [Infinity, 1 / 3600, 'h']];

function duration(seconds) {
  const [, factor, unit] = DURATIONS.find(([below]) => seconds < below);
  return `${short(seconds * factor)}\u00a0${unit}`;
}

const UNITS = {
  count: (x) => whole.format(x),
  number: short,
  rate: (x) => `${short(x)}/s`,
  perMinute: (x) => `${short(x)}/min`,
  seconds: duration,
  share: (x) => (x > 0 && x < 0.0995 ? fine : percent).format(x),
  text: String,
};

export function show(value, unit) {
  return value === null || value === undefined ? NONE : UNITS[unit](value);
}

// a whole minute needs no seconds
export const atClock = (seconds) =>
  (seconds % 60 ? clock : minute).format(seconds * 1000);
export const atMoment = (text) => moment.format(new Date(text));
