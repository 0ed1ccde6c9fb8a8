// People in a waiting room, without browsers: each comes back with the token
// that it was given, as often as it takes, until it is let in.  Then another
// one comes, so that as many wait at the end of a test as at its beginning,
// however long it takes.
//
// SPDX-License-Identifier: BSD-2-Clause

import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 2000;

const pause = () => sleep(POLL_MS * (0.5 + Math.random()));

const agent = new http.Agent({ keepAlive: true, maxSockets: 50 });


export class Queue {
  inside = 0;
  passes = [];
  #open = true;
  #taken = new Set();   // places whose first one has been there twice

  constructor(port, path, people) {
    this.port = port;
    this.path = path;
    this.people = people;
    this.running = Promise.all(Array.from({ length: people },
      (_, place) => this.#people(place)));
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

  // one after another
  async #people(place) {
    while (this.#open) {
      await this.#person(place);
      await pause();
    }
  }

  async #person(place) {
    let { status, token } = await this.#ask('');

    for (let i = 0; this.#open && status === 503; i++) {
      if (i) await pause();
      ({ status, token } = await this.#ask(token));
      this.#taken.add(place);
    }
    this.#taken.add(place);
    if (status === 200) {
      this.inside++;
      this.passes.push(token);
    }
  }

  // all have a number, and have shown that they are there
  async joined() {
    while (this.#taken.size < this.people) await sleep(50);
  }

  end() {
    this.#open = false;
    return this.running;
  }
}
