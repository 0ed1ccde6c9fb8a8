// An nginx of the test's own: a temporary directory, free ports, a process
// that we started and end.  From the environment: ADM_NGINX (the binary),
// ADM_MODULE (the .so to load, or nothing if it is linked in).
//
// SPDX-License-Identifier: BSD-2-Clause

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

// what no test may leave in an error log
const BAD = /\[(?:alert|emerg)\]|Sanitizer|runtime error:|exited on signal/;


export async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}


// The function's value as soon as it is true; fails after that long.
export async function waitFor(what, seconds, test) {
  const end = Date.now() + seconds * 1000;

  for (;;) {
    const value = await test();
    if (value) return value;
    assert.ok(Date.now() < end, `${what}, within ${seconds} s`);
    await sleep(50);
  }
}


function isListening(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('connect', () => { socket.destroy(); resolve(true); });
    socket.on('error', () => resolve(false));
  });
}


// The shop behind nginx: answers as "status" says, after "delay" ms.
export class Upstream {
  status = 200;
  delay = () => 0;
  orders = 0;
  methods = [];

  static async start() {
    const upstream = new Upstream();
    upstream.server = http.createServer((request, response) =>
      upstream.#answer(request, response)).listen(0, '127.0.0.1');
    await once(upstream.server, 'listening');
    upstream.port = upstream.server.address().port;
    return upstream;
  }

  async #answer(request, response) {
    request.resume();
    this.orders++;
    this.methods.push(request.method);
    const order = JSON.stringify({ order: this.orders, item: 'Dusk' });
    if (this.delay()) await sleep(this.delay());
    response.writeHead(this.status, { 'Content-Type': 'application/json' });
    response.end(order);
  }

  async stop() {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}


export class Nginx {
  // http: what stands in http { }, from the port that nginx listens on;
  // files: what stands beside nginx.conf, for nobody else to read
  static async start(http, { prefix, files = {} } = {}) {
    assert.ok(process.env.ADM_NGINX, 'ADM_NGINX is set');

    const nginx = new Nginx();
    nginx.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'adm-browser-'));
    fs.chmodSync(nginx.dir, 0o755);
    nginx.prefix = prefix ?? nginx.dir;
    nginx.port = await freePort();
    nginx.origin = `http://127.0.0.1:${nginx.port}`;
    for (const [name, text] of Object.entries({ ...files,
      'nginx.conf': nginx.#conf(http(nginx.port)) })) {
      fs.writeFileSync(path.join(nginx.dir, name), text, { mode: 0o600 });
    }
    await nginx.run();
    return nginx;
  }

  #conf(http) {
    const { dir } = this;
    const module = process.env.ADM_MODULE;
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `    ${name}_temp_path ${dir}/${name};`).join('\n');

    return `${module ? `load_module ${path.resolve(module)};` : ''}
${process.getuid() === 0 ? 'user root;' : ''}
daemon off;
worker_processes 2;
pid ${dir}/nginx.pid;
error_log ${dir}/error.log error;
events { worker_connections 1024; }
http {
    access_log off;
${temporary}
${http}
}
`;
  }

  // a document of its own
  async json(path) {
    return (await fetch(`${this.origin}${path}`)).json();
  }

  async run() {
    const { dir, prefix } = this;
    this.process = spawn(process.env.ADM_NGINX, ['-p', prefix,
      '-c', `${dir}/nginx.conf`, '-e', `${dir}/error.log`],
    { stdio: 'inherit' });
    await waitFor('nginx listens', 30, () => isListening(this.port));
  }

  async stop() {
    this.process.kill('SIGQUIT');
    const late = setTimeout(() => this.process.kill('SIGKILL'), 10_000);
    await once(this.process, 'exit');
    clearTimeout(late);
  }

  // the end, and that there were no complaints
  async finish() {
    if (this.process.exitCode === null) await this.stop();
    const log = fs.readFileSync(`${this.dir}/error.log`, 'utf8');
    assert.doesNotMatch(log, BAD);
    fs.rmSync(this.dir, { recursive: true });
  }
}


const agent = new http.Agent({ keepAlive: true, maxSockets: 50 });

// the status of the answer
export function request(port, target, method = 'GET') {
  return new Promise((resolve, reject) => {
    http.request({ host: '127.0.0.1', port, path: target, method, agent },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode));
      }).on('error', reject).end();
  });
}


// Requests at an even pace, until told to end.  Counts answers by status.
export class Crowd {
  counts = {};
  sent = 0;
  #open = true;

  // target: from the request's number
  constructor(port, perSecond, target, method = 'GET') {
    this.running = this.#send(port, perSecond, target, method);
  }

  async #send(port, perSecond, target, method) {
    const started = performance.now();
    const answers = [];

    while (this.#open) {
      const due = (performance.now() - started) / 1000 * perSecond;
      while (this.sent < due) {
        answers.push(request(port, target(this.sent++), method)
          .then((status) => {
            this.counts[status] = (this.counts[status] ?? 0) + 1;
          }));
      }
      await sleep(10);
    }
    await Promise.all(answers);
  }

  async end() {
    this.#open = false;
    await this.running;
    return this.counts;
  }
}
