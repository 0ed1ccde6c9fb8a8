// What an operator can change: one row for each setting.  The server tells of
// each { configured, effective, since, by }, since and by being null unless
// somebody has overridden the configuration.

import { element, keyed, setData, setText } from './dom.mjs';
import { atMoment } from './format.mjs';

const CHANGE_TIMEOUT_MS = 5000;

//   field     of the resource's document
//   label     what tells it from others of the same title
//   choices   by value: their titles, what is asked before one is taken, and
//             what it does
//   mixed     the title and the effect where locations differ
//   entry     a value is typed: what is asked, and what it does
//   action    something that is done once, and is no setting
const MODE = [
  { field: 'mode', title: 'Mode', choices: {
    on: { title: 'On', ask: 'Turn Admission on?',
      says: 'What is over a limit is refused from now on.' },
    dry_run: { title: 'Dry run', ask: 'Turn to dry run?',
      says: 'Nothing is refused from now on. What would have been is counted '
        + 'and logged, and all of it reaches the upstream.' },
    off: { title: 'Off', ask: 'Turn Admission off?',
      says: 'Nothing is decided or counted from now on. All requests reach '
        + 'the upstream.' } },
  mixed: { title: 'Mixed', says: 'Each location does again what its '
    + 'configuration says.' } },
];

const roomRows = (room) => [
  { field: 'state', title: 'State', choices: {
    open: { title: 'Open', ask: `Open ${room}?`,
      says: 'People may join from now on, and are called at the rate.' },
    paused: { title: 'Paused', ask: `Pause ${room}?`,
      says: 'From now on nobody is called, joins or comes in anew. People in '
        + 'line keep their places, and those inside stay.' },
    closed: { title: 'Closed', ask: `Close ${room}?`,
      says: 'From now on nobody joins or comes in anew, and people in line '
        + 'are told that it is closed. Those inside stay.' } } },
  { field: 'rate', title: 'Rate', entry: { hint: '50r/s, 600r/m',
    ask: (value) => `Let ${value} into ${room}?`,
    says: (value, now) => `From now on people are called at ${value
    } instead of ${now}. All of them reach the upstream.` } },
  { field: 'max_active', title: 'Ceiling', entry: { hint: '0 is none',
    number: true,
    ask: (value) => (value === '0' ? `No ceiling for ${room}?`
      : `At most ${value} inside ${room}?`),
    says: (value, now) => `From now on ${value === '0'
      ? 'any number of people' : `at most ${value} people`} may be inside, `
      + `instead of ${now === '0' ? 'any number' : now}. `
      + 'Those who are inside stay.' } },
  { field: 'mode', title: 'Mode', choices: {
    auto: { title: 'Auto', ask: `Let ${room} begin and end its line?`,
      says: 'Nobody waits while there is room; a line begins and ends by '
        + 'itself.' },
    always: { title: 'Always', ask: `Everybody through the line of ${room}?`,
      says: 'Everybody passes through the line from now on, also while there '
        + 'is room.' },
    off: { title: 'Off', ask: `Turn ${room} off?`,
      says: 'Nobody waits from now on: all who are in line, and all who come, '
        + 'reach the upstream at once.' } } },
  { field: 'passes', title: 'Passes', action: { title: 'Void all passes',
    value: 'void', ask: `Void all passes of ${room}?`,
    says: 'Everybody inside has to go through the line again, also in the '
      + 'middle of a payment. This cannot be taken back.' } },
].map((row) => ({ ...row, label: `${row.title} of ${room}` }));

const gateRows = (upstream) => [
  { field: 'state', title: 'Circuit', label: `Circuit of ${upstream}`,
    choices: {
      auto: { title: 'Automatic', ask: `Let ${upstream} open and close its `
        + 'circuit?', says: 'It opens when the upstream fails, and closes '
        + 'when it answers again.' },
      open: { title: 'Open', ask: `Let nothing reach ${upstream}?`,
        says: 'From now on all who come are refused, or sent to the fallback. '
          + 'Requests that are inside are finished.' },
      closed: { title: 'Closed', ask: `Keep the circuit of ${upstream} `
        + 'closed?', says: 'From now on it does not open, however much the '
        + 'upstream fails. Its limit stays in force.' } } },
];

const RESET = { ask: 'Back to the configuration?' };


// The answer's document; throws an Error that says in words why there is none.
async function ask(url, change, method = 'PATCH') {
  let response;

  try {
    response = await fetch(url, {
      cache: 'no-store',
      signal: AbortSignal.timeout(CHANGE_TIMEOUT_MS),
      ...(change && { method, body: JSON.stringify(change),
        headers: { 'Content-Type': 'application/json' } }),
    });
  } catch {
    throw new Error('The server does not answer.');
  }
  const body = await response.json().catch(() => ({}));

  if (!response.ok) throw new Error(refusal(response.status, body));
  return body;
}

function refusal(status, { title, detail }) {
  const why = [401, 403].includes(status) ? 'you may not do this from here'
    : [detail, title].find((text) => typeof text === 'string');
  return `The server answers ${status}${why ? `: ${why}` : ''}.`;
}


// A setting.  resource: asks and changes; dialog: asks the operator.
class Control {
  told = {};

  constructor(row, resource, dialog) {
    this.row = row;
    this.resource = resource;
    this.dialog = dialog;
    this.name = row.label ?? row.title;
    this.input = this.make();
    this.reset = element('button', { type: 'button', className: 'reset',
      hidden: true, onclick: () => this.propose(null) });
    this.state = element('p', { className: 'state' });
    this.node = element('div', { className: 'control' },
      element(row.label ? 'h3' : 'h2', {}, row.title), this.input, this.reset,
      this.state);
  }

  get effective() {
    return this.told.effective;
  }

  // what stands in the document; nothing: it is not known
  show(told = {}) {
    this.told = told;
    const { configured, since, by } = told;

    this.update();
    this.reset.hidden = !since;
    setText(this.reset, `Back to the configuration (${
      this.title(configured)})`);
    this.reset.ariaLabel = `${this.reset.textContent}: ${this.name}`;
    setText(this.state, since ? `Set by ${by} at ${atMoment(since)}.`
      : configured === undefined ? ''
        : `${this.title(configured)}, as configured.`);
  }

  // null: what is configured
  propose(value) {
    const then = value ?? this.told.configured;
    const { ask: question, says } = this.meaning(String(then));

    this.dialog.open({ question: value === null ? RESET.ask : question,
      says: says ?? '', yes: this.title(then),
      act: () => this.change(value) });
  }

  change(value) {
    return this.resource.change({ [this.row.field]: value });
  }
}


class Choice extends Control {
  make() {
    const choices = element('div', { className: 'choices', role: 'group',
      ariaLabel: this.name });

    keyed(choices, Object.entries(this.row.choices), ([value]) => value,
      ([value, { title }]) => element('button', { type: 'button',
        onclick: () => this.#choose(value) }, title), () => {});
    return choices;
  }

  update() {
    for (const [value, button] of this.input.nodes) {
      button.ariaPressed = String(value === this.effective);
    }
  }

  // of a value that may be configured, though nobody can choose it
  meaning(value) {
    const { choices, mixed } = this.row;
    return choices[value] ?? (value === 'mixed' ? mixed : {});
  }

  title(value) {
    return this.meaning(value).title ?? value ?? '–';
  }

  #choose(value) {
    if (value !== this.effective) this.propose(value);
  }
}


class Entry extends Control {
  #shown = '';      // what was put into the field by us

  make() {
    const { hint, number } = this.row.entry;
    this.field = element('input', { type: 'text', required: true,
      autocomplete: 'off', spellcheck: false, ariaLabel: this.name,
      inputMode: number ? 'numeric' : 'text', placeholder: hint });
    return element('form', { className: 'entry', onsubmit: (event) => {
      event.preventDefault();
      this.#submit();
    } }, this.field, element('button', { ariaLabel: `Set: ${this.name}` },
      'Set'));
  }

  // what somebody is typing stays
  update() {
    if (this.field.value !== this.#shown) return;
    this.#shown = this.title(this.effective);
    this.field.value = this.#shown;
  }

  meaning(value) {
    const { ask: question, says } = this.row.entry;
    return { ask: question(value), says: says(value, String(this.effective)) };
  }

  title(value) {
    return String(value ?? '');
  }

  #submit() {
    const text = this.field.value.trim();
    const { number } = this.row.entry;

    // what is no number is refused in words, by the server
    this.propose(number && /^\d+$/.test(text) ? Number(text) : text);
  }

  async change(value) {
    await super.change(value);
    this.#shown = this.field.value;
    this.update();
  }
}


// no setting: nothing is told of it
class Action extends Control {
  make() {
    const { title, value } = this.row.action;
    return element('button', { type: 'button', className: 'action',
      onclick: () => this.propose(value) }, title);
  }

  update() {}

  meaning() {
    return this.row.action;
  }

  title() {
    return this.row.action.title;
  }

  show() {}
}


// What stands under one URL, and its controls.
class Resource {
  #url;

  constructor(url, rows, dialog) {
    this.#url = url;
    this.controls = rows.map((row) => new (row.choices ? Choice
      : row.entry ? Entry : Action)(row, this, dialog));
    this.trouble = element('p', { className: 'state', hidden: true });
    setData(this.trouble, 'level', 'bad');
    this.nodes = [...this.controls.map(({ node }) => node), this.trouble];
  }

  async refresh() {
    let told = {};
    let trouble = '';

    try {
      told = await ask(this.#url);
    } catch (error) {
      trouble = error.message;
    }
    for (const control of this.controls) control.show(told[control.row.field]);
    setText(this.trouble, trouble);
    this.trouble.hidden = !trouble;
  }

  async change(patch) {
    await ask(this.#url, patch);
    await this.refresh();
  }
}


// What may have become of an order that was sent and never answered.
const ENDS = [
  { end: 'commit', title: 'Commit', ask: 'Count this order as sold?',
    says: 'Its units are sold from now on. This is right if the shop has the '
      + 'order, and cannot be taken back.' },
  { end: 'release', title: 'Release', ask: 'Take this order’s units back?',
    says: 'Its units are free from now on, and may be sold again. This is '
      + 'right if the shop has no such order, and cannot be taken back.' },
];

const MOST_HOLDS = 20;

// The orders that nobody has settled.  Where there are none, nothing.
class Holds {
  #base;
  #dialog;
  #gone = false;    // there is no stock on this server

  constructor(base, section, dialog) {
    this.#base = `${base}/holds`;
    this.#dialog = dialog;
    this.section = section;
    this.list = element('ul', { className: 'list' });
    this.more = element('p', { className: 'note' });
    section.replaceChildren(element('h2', {}, 'Unresolved orders'),
      element('p', { className: 'note' }, 'They were sent to the shop, and '
        + 'no answer came. Only the shop knows what became of them.'),
      this.list, this.more);
  }

  async refresh() {
    if (this.#gone) return;
    let told;

    try {
      told = await ask(`${this.#base}?state=unresolved`);
    } catch (error) {
      this.#gone = error.message.includes(' 404');
      return;
    }
    const { holds, more } = told;

    keyed(this.list, holds.slice(0, MOST_HOLDS), ({ hold }) => hold,
      (row) => this.#make(row), () => {});
    setText(this.more, more || holds.length > MOST_HOLDS
      ? 'There are more: these are the oldest.' : '');
    this.section.hidden = holds.length === 0;
  }

  #make({ hold, items, correlation }) {
    const what = items.map(({ sku, quantity }) => `${quantity} × ${sku}`)
      .join(', ');

    return element('li', { className: 'control' },
      element('span', { className: 'what' }, what),
      element('span', { className: 'state' }, correlation),
      element('span', { className: 'ends' },
        ...ENDS.map(({ end, title, ask: question, says }) =>
          element('button', { type: 'button',
            ariaLabel: `${title}: ${what}, ${correlation}`,
            onclick: () => this.#dialog.open({ question, yes: title,
              says: `${what}, ${correlation}. ${says}`,
              act: () => this.#settle(hold, end) }) }, title))));
  }

  async #settle(hold, end) {
    await ask(`${this.#base}/${hold}/${end}`, {}, 'POST');
    await this.refresh();
  }
}


// Asks before something is done.  The browser keeps the focus in it, closes
// it by Escape, and gives the focus back.
class Dialog {
  #act;

  constructor() {
    this.question = element('h2', { id: 'question' });
    this.says = element('p', { id: 'consequence' });
    this.trouble = element('p', { className: 'trouble', role: 'alert' });
    this.no = element('button', { type: 'button', autofocus: true,
      onclick: () => this.node.close() }, 'Cancel');
    this.yes = element('button', { type: 'button', className: 'yes',
      onclick: () => this.#confirm() });
    this.node = element('dialog', {}, this.question, this.says, this.trouble,
      element('div', { className: 'answers' }, this.no, this.yes));
    this.node.setAttribute('aria-labelledby', 'question');
    this.node.setAttribute('aria-describedby', 'consequence');
    document.body.append(this.node);
  }

  open({ question, says, yes, act }) {
    this.#act = act;
    setText(this.question, question);
    setText(this.says, says);
    setText(this.trouble, '');
    setText(this.yes, yes);
    this.#setBusy(false);
    this.node.showModal();
  }

  // A busy button keeps the focus.
  #setBusy(busy) {
    this.yes.ariaDisabled = String(busy);
  }

  async #confirm() {
    if (this.yes.ariaDisabled === 'true') return;
    this.#setBusy(true);
    setText(this.trouble, '');

    try {
      await this.#act();
      this.node.close();
    } catch (error) {
      setText(this.trouble, `Nothing was changed. ${error.message}`);
    }
    this.#setBusy(false);
  }
}


// All controls below this URL: the node's in the section, and those of rooms.
export class Controls {
  #base;
  #dialog = new Dialog();
  #node;
  #rooms = new Map();
  #gates = new Map();
  #holds = null;

  constructor(base, section) {
    this.#base = base;
    this.#node = new Resource(`${base}/admission`, MODE, this.#dialog);
    section.append(...this.#node.nodes);
    section.hidden = false;
  }

  // the switches of a room
  room(name) {
    return this.#switches(this.#rooms, name, `rooms/${name}`, roomRows(name),
      `Controls of ${name}`);
  }

  // the switch of an upstream
  gate(name) {
    return this.#switches(this.#gates, name, `circuits/${name}`,
      gateRows(name), `Controls of upstream ${name}`);
  }

  #switches(all, name, path, rows, ariaLabel) {
    const resource = new Resource(`${this.#base}/${path}`, rows, this.#dialog);
    all.set(name, resource);
    resource.refresh();
    return element('div', { className: 'switches', role: 'group', ariaLabel },
      ...resource.nodes);
  }

  // from now on, in this section
  watchHolds(section) {
    if (this.#holds) return;
    this.#holds = new Holds(this.#base, section, this.#dialog);
    this.#holds.refresh();
  }

  forget(name) {
    this.#rooms.delete(name);
  }

  forgetGate(name) {
    this.#gates.delete(name);
  }

  refresh() {
    return Promise.all([this.#node, ...this.#rooms.values(),
      ...this.#gates.values(), this.#holds].map((resource) =>
      resource?.refresh()));
  }

  // the mode that is in effect, if it is known
  get mode() {
    return this.#node.controls[0].effective;
  }
}
