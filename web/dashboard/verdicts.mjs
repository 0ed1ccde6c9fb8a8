// The verdicts of a request: how they are called, and what became of it.

// An unknown verdict is a refusal under its own name.
const VERDICTS = {
  admit: { title: 'Admitted', admits: true },
  replay: { title: 'Replayed', admits: true },
  wait: { title: 'Waiting', waits: true },
  limit: { title: 'Limited' },
  sold_out: { title: 'Sold out' },
  conflict: { title: 'Conflict' },
  invalid: { title: 'Invalid' },
  shed: { title: 'Shed' },
  closed: { title: 'Closed' },
  fail: { title: 'Failed' },
};

const isDry = ({ dry_run: dry }) => dry === '1';
const told = ({ verdict }) => VERDICTS[verdict] ?? {};

// By the labels of a sample.  What is refused in a dry run goes on.
export const refused = (labels) =>
  !isDry(labels) && !told(labels).admits && !told(labels).waits;
export const passed = (labels) => isDry(labels) || Boolean(told(labels).admits);
export const wouldRefuse = (labels) => isDry(labels) && !told(labels).admits;
export const failed = (labels) => labels.verdict === 'fail' && !isDry(labels);
export const notAdmitted = (labels) => !told(labels).admits;

export function verdictTitle(labels) {
  const title = told(labels).title ?? labels.verdict.replace(/_/g, ' ');
  return wouldRefuse(labels) ? `${title} (dry run)` : title;
}

// Its place in a legend and its colour: known ones first, in their order.
const ORDER = Object.keys(VERDICTS);

export function verdictRank(labels) {
  const i = ORDER.indexOf(labels.verdict);
  return (i < 0 ? ORDER.length : i) * 2 + (isDry(labels) ? 1 : 0);
}

export const verdictColor = (labels) =>
  `--verdict-${ORDER.includes(labels.verdict) ? labels.verdict : 'other'}`;
