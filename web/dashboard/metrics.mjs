// What the counters of two moments say about the time between them: rates,
// shares, quantiles.  Nothing here knows the page.

// A gap between two answers that is longer is not bridged, and data that is
// older is told as stale.
export const STALE_S = 5;

// Answers come once a second, but not exactly.
const SLACK_S = 0.25;


// The status document with its samples by metric.  Names lose the prefix.
export function snapshot(doc) {
  const keep = ({ suffix, labels, value }) =>
    ({ suffix: suffix ?? '', labels, value, key: JSON.stringify(labels) });

  return { ...doc, metrics: new Map(doc.metrics.map(({ name, samples }) =>
    [name.replace(/^admission_/, ''), samples.map(keep)])) };
}


// The snapshots between which rates over about this many seconds are taken:
// the last, and the earliest that is within them; but always the one before.
function ends(history, seconds) {
  const last = history.at(-1);
  const first = history.find(({ time }) =>
    time >= last.time - seconds - SLACK_S);
  const before = history.at(-2);

  if (first !== last) return { first, last };
  return before && last.time - before.time <= STALE_S
    ? { first: before, last } : { first: null, last };
}


// Whether a sample's labels are meant: by these values, or by a function.
function matcher(where = {}) {
  if (typeof where === 'function') return where;
  return (labels) => Object.keys(where).every((name) =>
    labels[name] === where[name]);
}


// What a histogram's buckets say of the quantile q, linear within a bucket as
// Prometheus does it; the last finite bound where it lies beyond; null where
// nothing was counted.  buckets: [bound, cumulative count], ascending.
export function bucketQuantile(buckets, q) {
  const rank = q * (buckets.at(-1)?.[1] ?? 0);
  if (rank === 0) return null;

  const i = buckets.findIndex(([, count]) => count >= rank);
  const [low, below] = buckets[i - 1] ?? [0, 0];
  const [high, count] = buckets[i];

  return high === Infinity ? low
    : low + (high - low) * (rank - below) / (count - below);
}


// A look at the last seconds of a history of snapshots.  What cannot be told
// is null: rates after the first answer, gauges of a metric that is not there.
export class View {
  constructor(history, seconds) {
    const { first, last } = ends(history, seconds);
    this.first = first;
    this.last = last;
    this.seconds = first ? last.time - first.time : 0;
  }

  has(name) {
    return this.last.metrics.has(name);
  }

  samples(name, where, suffix = '') {
    const matches = matcher(where);
    return (this.last.metrics.get(name) ?? []).filter((sample) =>
      sample.suffix === suffix && matches(sample.labels));
  }

  // [sample, increase since the first snapshot]; a counter that went back
  // began again at zero
  #increases(name, where, suffix = '') {
    const before = new Map((this.first?.metrics.get(name) ?? [])
      .filter((sample) => sample.suffix === suffix)
      .map(({ key, value }) => [key, value]));

    return this.samples(name, where, suffix).map((sample) => {
      const was = before.get(sample.key) ?? 0;
      const { value } = sample;
      return [sample, value < was ? value : value - was];
    });
  }

  increase(name, where) {
    if (!this.first) return null;
    return this.#increases(name, where).reduce((sum, [, n]) => sum + n, 0);
  }

  // per second
  rate(name, where) {
    const n = this.increase(name, where);
    return n === null || this.seconds <= 0 ? null : n / this.seconds;
  }

  total(name, where) {
    return this.samples(name, where)
      .reduce((sum, { value }) => sum + value, 0);
  }

  // the part of a counter's increase, null where there was none
  share(name, where) {
    const all = this.increase(name);
    return all ? this.increase(name, where) / all : null;
  }

  // the greatest of the values, null where there is none
  peak(name, where) {
    const values = this.samples(name, where).map(({ value }) => value);
    return values.length ? Math.max(...values) : null;
  }

  // by how much a gauge is more than it was, null where it was or is not
  change(name, where) {
    const matches = matcher(where);
    const was = this.first?.metrics.get(name)
      ?.find(({ labels }) => matches(labels));
    const is = this.samples(name, where)[0];
    return was && is ? is.value - was.value : null;
  }

  // of a histogram, in its own unit
  quantile(name, q, where) {
    if (!this.first) return null;

    const counts = new Map();
    for (const [{ labels }, n] of this.#increases(name, where, '_bucket')) {
      const bound = labels.le === '+Inf' ? Infinity : Number(labels.le);
      counts.set(bound, (counts.get(bound) ?? 0) + n);
    }
    return bucketQuantile([...counts].sort(([a], [b]) => a - b), q);
  }
}
