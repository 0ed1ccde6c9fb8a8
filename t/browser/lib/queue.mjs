// People in a waiting room, without browsers: each comes back with the token
// that it was given, as often as it takes, until it is let in.
//
// SPDX-License-Identifier: BSD-2-Clause

import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 1000;

const agent = new http.Agent({ keepAlive: true, maxSockets: 50 });


export class Queue {
  inside = 0;
  passes = [];
  #open = true;
  #waiting = 0;

  constructor(port, path, people) {
    this.port = port;
    this.path = path;
    this.people = people;
    this.running = Promise.all(Array.from({ length: people }, () =>
      this.#person()));
  }

  // { status, token }; with an empty token that of a newcomer
  #ask(token) {
    return new Promise((resolve, reject) => {
      http.get({ host: '127.0.0.1', port: this.port, path: this.path, agent,
        headers: token ? { 'X-Admission-Token': token } : {} },
      (response) => {
        response.resume();
        response.on('end', () => resolve({ status: response.statusCode,
          token: response.headers['admission-token'] ?? token }));
      }).on('error', reject);
    });
  }

  async status(token) {
    return (await this.#ask(token)).status;
  }

  async #person() {
    let { status, token } = await this.#ask('');

    for (let i = 0; this.#open && status === 503; i++) {
      if (i === 1) this.#waiting++;
      await sleep(i ? POLL_MS * (0.5 + Math.random()) : 0);
      ({ status, token } = await this.#ask(token));
    }
    if (status === 200) {
      this.inside++;
      this.passes.push(token);
    }
  }

  // all have a number, and have shown that they are there
  async joined() {
    while (this.#waiting + this.inside < this.people) await sleep(50);
  }

  end() {
    this.#open = false;
    return this.running;
  }
}
