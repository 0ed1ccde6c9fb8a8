// A redis-server of the test's own: a temporary directory, a socket, a process
// that we started and end.  From the environment: ADM_REDIS (the binary,
// redis-server if not set).
//
// SPDX-License-Identifier: BSD-2-Clause

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

import { waitFor } from './nginx.mjs';


function isListening(socket) {
  return new Promise((resolve) => {
    const connection = net.connect(socket);
    connection.on('connect', () => { connection.destroy(); resolve(true); });
    connection.on('error', () => resolve(false));
  });
}


export class Redis {
  static async start() {
    const redis = new Redis();
    redis.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'adm-redis-'));
    fs.chmodSync(redis.dir, 0o755);
    redis.socket = path.join(redis.dir, 'redis.sock');
    redis.uri = `unix:${redis.socket}`;
    await redis.run();
    return redis;
  }

  async run() {
    fs.rmSync(this.socket, { force: true });
    this.process = spawn(process.env.ADM_REDIS ?? 'redis-server',
      ['--port', '0', '--unixsocket', this.socket, '--unixsocketperm', '777',
        '--dir', this.dir, '--save', '', '--logfile', 'redis.log'],
      { stdio: 'ignore' });
    await waitFor('redis listens', 30, () => isListening(this.socket));
  }

  async kill() {
    const { process: server } = this;
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGKILL');
    await once(server, 'exit');
  }

  async finish() {
    await this.kill();
    fs.rmSync(this.dir, { recursive: true });
  }
}
