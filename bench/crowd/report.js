/*
 * Draws the report of a crowd from the JSON in the page.  What stands in a
 * chart stands in the table under it: both are made from one list of series.
 */

'use strict';

const run = JSON.parse(document.getElementById('run').textContent);

const number = new Intl.NumberFormat(undefined, {maximumFractionDigits: 0});
const fine = new Intl.NumberFormat(undefined, {maximumSignificantDigits: 3});

const PALETTE = ['--s2', '--s3', '--s4', '--s5', '--s6', '--s7'];
const HEIGHT = 280;


/* Text */

function element(name, text, parent) {
    const node = document.createElement(name);

    if (text !== undefined) {
        node.textContent = text;
    }

    if (parent) {
        parent.append(node);
    }

    return node;
}


function milliseconds(value) {
    if (value === null || value === undefined) {
        return '–';
    }

    return value >= 10000 ? `${fine.format(value / 1000)} s`
                          : `${fine.format(value)} ms`;
}


function count(value) {
    return value === null || value === undefined ? '–' : number.format(value);
}


function percent(part, whole) {
    return whole ? `${(100 * part / whole).toFixed(1)} %` : '–';
}


function sum(object) {
    return Object.values(object).reduce((a, b) => a + b, 0);
}


/* Head */

function head() {
    const {scenario} = run;
    const began = new Date(run.began * 1000).toLocaleString();

    document.getElementById('title').textContent =
        scenario.title || scenario.name;

    document.getElementById('about').textContent =
        `Scenario ${scenario.name}, seed ${scenario.seed}, up to `
        + `${number.format(scenario.peak_per_s)} shoppers a second, against `
        + `${scenario.url}, ${began}, ${run.took_s.toFixed(1)} s`
        + (run.interrupted ? ', interrupted' : '');
}


/* what must be known before the figures are believed */
function doubts() {
    const {generator, totals} = run;
    const told = [];

    if (generator.late_share > 0.01) {
        told.push(`${(100 * generator.late_share).toFixed(1)} % of all `
            + `requests started more than ${generator.late_means_ms} ms late: `
            + 'the machine that sent them could not keep up.');
    }

    if (generator.lag_share > 0.01) {
        told.push(`For ${(100 * generator.lag_share).toFixed(1)} % of the time `
            + `answers waited more than ${generator.late_means_ms} ms until `
            + 'that machine read them.');
    }

    if (totals.errors.local) {
        told.push(`${count(totals.errors.local)} requests were never sent, for `
            + 'want of connections, addresses or ports on that machine.');
    }

    if (told.length) {
        const place = document.getElementById('doubts');

        place.textContent = told.join('\n');
        place.hidden = false;
    }
}


function figures() {
    const {shoppers, totals, latency_ms: latency, generator, line} = run;
    const place = document.getElementById('figures');
    const most = Math.max(0, ...run.seconds.map((s) => s.served));
    const waited = shoppers.to_served_ms;

    const list = [
        ['Served', percent(shoppers.served, shoppers.all),
            `${count(shoppers.served)} of ${count(shoppers.all)} shoppers`],
        ['Not served', percent(shoppers.all - shoppers.served, shoppers.all),
            `${count(shoppers.refused)} refused, ${count(shoppers.failed)} `
            + `failed, ${count(shoppers.left)} left the line, `
            + `${count(shoppers.unfinished)} unfinished`],
        ['Until served, median', milliseconds(waited?.p50),
            `P99 ${milliseconds(waited?.p99)}`],
        ['Served a second, at most', count(most),
            `${fine.format(shoppers.attempts.mean)} requests a shopper`],
        ['Answers that served, P50', milliseconds(latency.served?.p50),
            `P99 ${milliseconds(latency.served?.p99)}`],
        ['Refusals', count(totals.refused),
            Object.entries(totals.refusals).map(([k, n]) =>
                `${k} ${count(n)}`).join(', ') || 'none'],
        ['Errors', count(totals.errors_all),
            Object.entries(totals.errors).map(([k, n]) =>
                `${k} ${count(n)}`).join(', ') || 'none'],
        ['Starts late, P99', milliseconds(generator.late_ms?.p99),
            `at most ${milliseconds(generator.late_ms?.max)}`],
        ...(line ? lineFigures(line, shoppers.in_line_ms) : []),
    ];

    for (const [name, value, more] of list) {
        const dl = element('dl', undefined, element('div', undefined, place));

        element('dt', name, dl);
        element('small', more, element('dd', value, dl));
    }
}


function lineFigures(line, waited) {
    const error = (e) => (e ? `${(100 * e.error).toFixed(1)} %` : '–');

    return [
        ['In line, P50', milliseconds(waited?.p50),
            `P95 ${milliseconds(waited?.p95)}`],
        ['Waits told, off by', error(line.wait),
            `positions ${error(line.position)}; at the first poll `
            + `${error(line.wait_polled)}, ${error(line.position_polled)}`],
        ['Passed over', count(line.passed_over), 'told to wait behind a later '
            + `number; ${count(line.in_order)} were let in`],
        ['Passes', count(line.passes),
            `at most ${count(line.inside_most)} good at once`],
    ];
}


/* Charts */

function labels(member) {
    return Object.keys(run.totals[member])
        .sort((a, b) => run.totals[member][b] - run.totals[member][a]);
}


function charts() {
    const reasons = labels('refusals');
    const kinds = labels('errors');

    const answers = [
        {label: 'served', of: (s) => s.served, color: '--s1', stack: true},
        ...reasons.map((reason, i) => ({
            label: `refused: ${reason}`, of: (s) => s.refusals[reason] ?? 0,
            color: PALETTE[i % PALETTE.length], stack: true,
        })),
        {label: 'errors', of: (s) => sum(s.errors), color: '--bad',
            stack: true},
        {label: 'shoppers due', of: (s) => s.offered, color: '--ink',
            width: 2},
        {label: 'requests sent', color: '--soft', dash: [6, 4],
            of: (s) => s.started + s.retries + s.called + s.visits
                + s.reloads},
    ];

    return [
        {title: 'Offered, served, refused',
            note: 'A second. The areas lie on each other.', series: answers},
        {title: 'How long an answer took', log: true, ms: true,
            note: 'Milliseconds, by the second in which the request was due.',
            series: [
                ['served P50', 'served_ms', 'p50', '--s1'],
                ['served P95', 'served_ms', 'p95', '--s6'],
                ['served P99', 'served_ms', 'p99', '--s3'],
                ['refused P99', 'refused_ms', 'p99', '--s2'],
            ].map(([label, of, q, color]) => (
                {label, color, of: (s) => s[of]?.[q] ?? null}))},
        {title: 'Served', note: 'A second, alone.',
            series: [{label: 'served', of: (s) => s.served, color: '--s1'}]},
        {title: 'Errors', note: kinds.length ? 'A second, by kind.'
            : 'There were none.',
            series: kinds.map((kind, i) => ({
                label: kind, of: (s) => s.errors[kind] ?? 0,
                color: ['--bad', ...PALETTE][i]}))},
        {title: 'In flight', note: 'The most at once within each second.',
            series: [
                {label: 'requests', of: (s) => s.in_flight, color: '--s3'},
                {label: 'connections', of: (s) => s.connections,
                    color: '--s7', dash: [6, 4]},
                {label: 'shoppers in line', of: (s) => s.in_line,
                    color: '--s4'},
            ]},
        ...(run.line ? [lineChart()] : []),
        {title: 'The crowd itself', ms: true,
            note: 'Milliseconds by which the latest start of each second was '
                + 'late, and the longest that answers waited to be read.',
            series: [
                {label: 'late starts', of: (s) => s.late_ms, color: '--s2'},
                {label: 'late reads', of: (s) => s.lag_ms, color: '--s4'},
            ]},
    ];
}


function lineChart() {
    return {
        title: 'The waiting room', note: 'In line and inside: the most at '
            + 'once within each second. Polls and passes: a second.',
        series: [
            {label: 'in line', of: (s) => s.in_line, color: '--s4'},
            {label: 'inside', of: (s) => s.inside, color: '--s1'},
            {label: 'polls', of: (s) => s.polls, color: '--s7',
                dash: [6, 4]},
            {label: 'let in', of: (s) => s.let_in, color: '--s3'},
        ]};
}


function columns(chart) {
    const plain = chart.series.map((series) => run.seconds.map(series.of));
    const drawn = [];
    let below = run.seconds.map(() => 0);

    chart.series.forEach((series, i) => {
        if (series.stack) {
            below = below.map((value, k) => value + plain[i][k]);
        }

        drawn.push(series.stack ? below : plain[i]);
    });

    return {plain, drawn};
}


function color(name) {
    return getComputedStyle(document.documentElement)
        .getPropertyValue(name).trim();
}


function axis(size, format) {
    return {
        stroke: color('--soft'), grid: {stroke: color('--grid'), width: 1},
        ticks: {stroke: color('--grid'), width: 1}, size,
        values: (u, ticks) => ticks.map((t) => (t === null ? '' : format(t))),
    };
}


/* the stack is drawn from its top down, each area over the one behind it */
function plot(chart, place) {
    const {plain, drawn} = columns(chart);
    const order = chart.series.map((series, i) => i);
    const stacked = order.filter((i) => chart.series[i].stack).reverse();

    order.splice(0, stacked.length, ...stacked);

    const series = order.map((i) => {
        const {label, width, dash, stack} = chart.series[i];
        const name = chart.series[i].color;

        return {
            label, dash, width: width ?? 1.5, stroke: color(name),
            fill: stack ? mix(color(name), color('--card')) : undefined,
            points: {show: run.seconds.length < 3},
            value: (u, v, s, k) => (k === null || k === undefined ? '–'
                : chart.ms ? milliseconds(plain[i][k]) : count(plain[i][k])),
        };
    });

    return new uPlot({
        width: place.clientWidth, height: HEIGHT,
        cursor: {sync: {key: 'run'}},
        scales: {
            x: {time: false},
            y: chart.log ? {distr: 3} : {range: (u, min, max) =>
                [0, Math.max(max, 1) * 1.05]},
        },
        axes: [axis(34, (t) => `${t} s`), axis(64, (v) => (chart.log
            ? fine.format(v) : number.format(v)))],
        series: [{label: 'second', value: (u, v) => (v === null ? '–' : v)},
            ...series],
    }, [run.seconds.map((s) => s.t), ...order.map((i) => drawn[i])], place);
}


/* of two colours #rrggbb: areas are opaque, since they lie on each other */
function mix(a, b) {
    const part = (c, i) => parseInt(c.slice(i, i + 2), 16);

    return '#' + [1, 3, 5].map((i) => Math.round(
        0.55 * part(a, i) + 0.45 * part(b, i)).toString(16).padStart(2, '0'))
        .join('');
}


function table(heads, rows, caption, place) {
    const t = element('table', undefined, place);

    if (caption) {
        element('caption', caption, t);
    }

    const top = element('tr', undefined, element('thead', undefined, t));

    for (const name of heads) {
        element('th', name, top).scope = 'col';
    }

    const body = element('tbody', undefined, t);

    for (const [first, ...rest] of rows) {
        const row = element('tr', undefined, body);

        element('th', first, row).scope = 'row';
        rest.forEach((cell) => element('td', cell, row));
    }
}


function chartTable(chart, article) {
    const details = element('details', undefined, article);

    element('summary', 'The figures by second', details);

    const scroll = element('div', undefined, details);

    scroll.className = 'scroll';
    scroll.tabIndex = 0;

    const format = chart.ms ? (v) => (v === null ? '–' : fine.format(v))
                            : count;

    table(['second', ...chart.series.map((s) => s.label)],
        run.seconds.map((s) => [s.t, ...chart.series.map((c) =>
            format(c.of(s)))]), chart.note, scroll);
}


function drawAll() {
    const place = document.getElementById('charts');
    const drawn = [];

    for (const chart of charts()) {
        const article = element('article', undefined, place);

        element('h2', chart.title, article);
        element('p', chart.note, article).className = 'note';

        if (!chart.series.length) {
            continue;
        }

        const box = element('div', undefined, article);

        box.className = 'plot';
        drawn.push({chart, box, uplot: plot(chart, box)});
        chartTable(chart, article);
    }

    const redraw = () => drawn.forEach((d) => {
        d.uplot.destroy();
        d.uplot = plot(d.chart, d.box);
    });

    matchMedia('(prefers-color-scheme: dark)')
        .addEventListener('change', redraw);

    addEventListener('resize', () => drawn.forEach((d) =>
        d.uplot.setSize({width: d.box.clientWidth, height: HEIGHT})));
}


/* Tables at the end */

function group(name, g) {
    const ms = g.to_served_ms;

    return [name, count(g.all), percent(g.served, g.all), count(g.refused),
        count(g.failed), count(g.left), count(g.unfinished),
        milliseconds(ms?.p50),
        milliseconds(ms?.p95), milliseconds(ms?.p99),
        fine.format(g.attempts.mean), count(g.retries), count(g.polls)];
}


function populations() {
    table(['population', 'shoppers', 'served', 'refused', 'failed',
        'left', 'unfinished', 'until served P50', 'P95', 'P99', 'requests each',
        'retries', 'polls'],
    [...Object.entries(run.populations).map(([name, g]) => group(name, g)),
        group('all', run.shoppers)], undefined,
    document.getElementById('populations'));
}


function whole() {
    const rows = Object.entries({
        served: run.latency_ms.served, refused: run.latency_ms.refused,
        polls: run.latency_ms.polls, 'in line': run.shoppers.in_line_ms,
        'late starts': run.generator.late_ms,
        'late reads': run.generator.lag_ms,
    }).filter(([, ms]) => ms).map(([name, ms]) => [name, count(ms.count),
        ...['mean', 'p50', 'p95', 'p99', 'max'].map((q) =>
            fine.format(ms[q]))]);

    table(['', 'count', 'mean', 'P50', 'P95', 'P99', 'greatest'], rows,
        undefined, document.getElementById('whole'));
}


head();
doubts();
figures();
drawAll();
populations();
whole();
