// What an operator can change: one row for each setting.  The server tells of
// each { configured, effective, since, by }, since and by being null unless
// somebody has overridden the configuration.

import { element, keyed, setData, setText } from './dom.mjs';
import { atMoment } from './format.mjs';

const CHANGE_TIMEOUT_MS = 5000;

//   path      of the resource, below the control's own URL
//   field     of its document
//   choices   by value: their titles, what is asked before one is taken, and
//             what it does
//   mixed     the title and the effect where locations differ
const CONTROLS = [
  { path: '/admission', field: 'mode', title: 'Mode', choices: {
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

const RESET = { ask: 'Back to the configuration?' };


// The answer's document; throws an Error that says in words why there is none.
async function ask(url, change) {
  let response;

  try {
    response = await fetch(url, {
      cache: 'no-store',
      signal: AbortSignal.timeout(CHANGE_TIMEOUT_MS),
      ...(change && { method: 'PATCH', body: JSON.stringify(change),
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


class Control {
  #row;
  #url;
  #dialog;
  #told = {};
  #proposed;        // what the dialog asks about

  constructor(row, base, dialog) {
    this.#row = row;
    this.#url = base + row.path;
    this.#dialog = dialog;
    this.choices = element('div', { className: 'choices', role: 'group',
      ariaLabel: row.title });
    this.reset = element('button', { type: 'button', className: 'reset',
      onclick: () => this.#propose(null) });
    this.state = element('p', { className: 'state' });
    this.node = element('div', { className: 'control' },
      element('h2', {}, row.title), this.choices, this.reset, this.state);

    keyed(this.choices, Object.entries(row.choices), ([value]) => value,
      ([value, { title }]) => element('button', { type: 'button',
        onclick: () => this.#propose(value) }, title), () => {});
    this.#draw();
  }

  get effective() {
    return this.#told.effective;
  }

  async refresh() {
    try {
      this.#told = (await ask(this.#url))[this.#row.field] ?? {};
      this.#draw();
    } catch (error) {
      this.#told = {};
      this.#draw(error.message);
    }
  }

  // of a value that may be configured, though nobody can choose it
  #meaning(value) {
    const { choices, mixed } = this.#row;
    return choices[value] ?? (value === 'mixed' ? mixed : {});
  }

  #title(value) {
    return this.#meaning(value).title ?? value ?? '–';
  }

  #draw(trouble = '') {
    const { configured, effective, since, by } = this.#told;

    for (const [value, button] of this.choices.nodes) {
      button.ariaPressed = String(value === effective);
    }
    this.reset.hidden = !since;
    setText(this.reset, `Back to the configuration (${
      this.#title(configured)})`);
    setText(this.state, trouble || (since
      ? `Set by ${by} at ${atMoment(since)}.`
      : configured ? `${this.#title(configured)}, as configured.` : ''));
    setData(this.state, 'level', trouble && 'bad');
  }

  #propose(value) {
    if (value !== null && value === this.effective) return;
    const { configured } = this.#told;
    const { ask: question } = value === null ? RESET
      : this.#row.choices[value];
    const { says } = this.#meaning(value ?? configured);

    this.#dialog.open({ question, says: says ?? '',
      yes: this.#title(value ?? configured),
      act: () => this.#change(value) });
  }

  async #change(value) {
    await ask(this.#url, { [this.#row.field]: value });
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


// All controls below this URL, in the section.
export class Controls {
  constructor(base, section) {
    const dialog = new Dialog();
    this.controls = CONTROLS.map((row) => new Control(row, base, dialog));
    section.append(...this.controls.map(({ node }) => node));
    section.hidden = false;
  }

  refresh() {
    return Promise.all(this.controls.map((control) => control.refresh()));
  }

  // the mode that is in effect, if it is known
  get mode() {
    return this.controls[0].effective;
  }
}
