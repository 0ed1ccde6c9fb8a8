// The shop behind us checks passes itself, with a library of its own.
//
// Somebody who pays at a checkout of another machine is let in there by the
// pass alone.  So our tokens have to be what RFC 7519 says and not merely what
// we read again: a library that has never heard of us verifies them by the key
// in the secret file, whichever signed, and refuses what was tampered with.
// ADM_JWT_DIR is where `npm ci` put what package-lock.json names.
//
// SPDX-License-Identifier: BSD-2-Clause

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';

import { Nginx, Upstream, waitFor } from '../browser/lib/nginx.mjs';

const from = path.resolve(process.env.ADM_JWT_DIR ?? 't/jwt', '_');
const { decodeJwt, decodeProtectedHeader, errors, jwtVerify, SignJWT }
  = createRequire(from)('jose');

// two keys, of the least length and of one longer than a block of the hash
const KEYS = {
  spring: createHash('sha256').update('spring').digest(),
  autumn: createHash('sha512').update('autumn').digest()
    .subarray(0, 40),
  long: Buffer.concat([1, 2, 3].map((i) =>
    createHash('sha256').update(`long ${i}`).digest())),
};

const CONF = (port, upstream, keys) => `
    admission_secret_file ${keys};
    admission_room drop { mode always; rate 100r/s; session 5m; }
    admission_room bound { mode always; rate 100r/s; bind $http_x_device; }

    server {
        listen 127.0.0.1:${port};

        location = /drop {
            admission_wait drop;
            proxy_pass http://127.0.0.1:${upstream};
        }

        location = /bound {
            admission_wait bound;
            proxy_pass http://127.0.0.1:${upstream};
        }
    }
`;

let dir, file, upstream, nginx;

const writeKeys = (...ids) => fs.writeFileSync(file,
  ids.map((id) => `${id}:${KEYS[id].toString('hex')}\n`).join(''),
  { mode: 0o600 });

before(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'adm-jwt-'));
  file = path.join(dir, 'keys');
  writeKeys('spring');
  upstream = await Upstream.start();
  nginx = await Nginx.start((port) => CONF(port, upstream.port, file));
});

after(async () => {
  await nginx?.finish();
  await upstream?.stop();
  fs.rmSync(dir, { recursive: true });
});


// The keys as a checkout has them: from the file that nginx reads.
function keyOf({ kid }) {
  const line = fs.readFileSync(file, 'utf8').split('\n')
    .find((text) => text.startsWith(`${kid}:`));

  assert.ok(line, `the key ${kid} is in the file`);
  return Buffer.from(line.slice(kid.length + 1), 'hex');
}

const verify = (token, typ, audience = 'drop') => jwtVerify(token, keyOf,
  { algorithms: ['HS256'], typ, audience, issuer: 'admission',
    requiredClaims: ['sub', 'iat', 'exp', 'jti'] });

function get(target, token, device) {
  const headers = { ...(token && { Authorization: `Bearer ${token}` }),
    ...(device && { 'X-Device': device }) };

  return new Promise((resolve, reject) => {
    http.get({ host: '127.0.0.1', port: nginx.port, path: target, headers,
      agent: false }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve({ status: answer.statusCode,
        token: answer.headers['admission-token'] }));
    }).on('error', reject);
  });
}

// Through the line: the ticket and the pass.
async function shop(target, device) {
  const { status, token: ticket } = await get(target, undefined, device);

  assert.equal(status, 503);

  const { token: pass } = await waitFor('one is called', 20, async () => {
    const answer = await get(target, ticket, device);
    return answer.status === 200 && answer;
  });

  return { ticket, pass };
}

const workers = () => {
  const { pid } = nginx.process;
  return fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim().split(' ');
};

// Tells nginx to read its file again; the new key signs when no worker that
// had the old ones is left.
async function rotate(first, ...others) {
  const old = workers();

  writeKeys(first, ...others);
  nginx.process.kill('SIGHUP');
  await waitFor('the old workers have gone', 20, () =>
    !workers().some((pid) => old.includes(pid)));

  const { token } = await get('/drop');
  assert.equal(decodeProtectedHeader(token).kid, first);
}

const flipped = (text) => (text.at(-4) === 'A' ? 'B' : 'A');
const tampered = (token) =>
  token.slice(0, -4) + flipped(token) + token.slice(-3);


test('a ticket and a pass are tokens of RFC 7519', async () => {
  const from = Math.floor(Date.now() / 1000);
  const { ticket, pass } = await shop('/drop');
  const until = Math.floor(Date.now() / 1000);

  const waiting = await verify(ticket, 'adm-ticket+jwt');
  const inside = await verify(pass, 'adm-pass+jwt');

  assert.deepEqual(waiting.protectedHeader,
    { alg: 'HS256', typ: 'adm-ticket+jwt', kid: 'spring' });
  assert.deepEqual(inside.protectedHeader,
    { alg: 'HS256', typ: 'adm-pass+jwt', kid: 'spring' });

  for (const { payload } of [waiting, inside]) {
    assert.equal(payload.iss, 'admission');
    assert.equal(payload.aud, 'drop');
    assert.match(payload.sub, /^[1-9]\d*$/);
    assert.match(payload.jti, /^[0-9a-f]{16}$/);
    assert.ok(payload.iat >= from && payload.iat <= until);
    assert.equal('bnd' in payload, false);
  }

  assert.equal(inside.payload.sub, waiting.payload.sub, 'of one shopper');
  assert.equal(waiting.payload.exp - waiting.payload.iat, 86_400, 'a day');
  assert.equal(inside.payload.exp - inside.payload.iat, 300, 'the session');
});

test('one is not another, and not of another room', async () => {
  const { ticket, pass } = await shop('/drop');

  await assert.rejects(verify(ticket, 'adm-pass+jwt'),
    errors.JWTClaimValidationFailed);
  await assert.rejects(verify(pass, 'adm-ticket+jwt'),
    errors.JWTClaimValidationFailed);
  await assert.rejects(verify(pass, 'adm-pass+jwt', 'bound'),
    errors.JWTClaimValidationFailed);
});

test('what was tampered with is refused, there and here', async () => {
  const { pass } = await shop('/drop');
  const [header, payload, signature] = pass.split('.');
  const claims = { ...decodeJwt(pass), exp: 4_000_000_000 };
  const later = Buffer.from(JSON.stringify(claims)).toString('base64url');

  for (const token of [tampered(pass), `${header}.${later}.${signature}`]) {
    await assert.rejects(verify(token, 'adm-pass+jwt'),
      errors.JWSSignatureVerificationFailed);
    assert.equal((await get('/drop', token)).status, 503);
  }

  assert.equal((await get('/drop', pass)).status, 200);
  assert.notEqual(payload, later);
});

test('a bound one says to what', async () => {
  const { ticket, pass } = await shop('/bound', 'a phone');
  const bnd = createHash('sha256').update('a phone').digest('hex')
    .slice(0, 32);

  for (const [token, typ] of [[ticket, 'adm-ticket+jwt'],
    [pass, 'adm-pass+jwt']]) {
    const { payload } = await verify(token, typ, 'bound');
    assert.equal(payload.bnd, bnd);
  }

  assert.equal((await get('/bound', pass, 'a phone')).status, 200);
  assert.equal((await get('/bound', pass, 'another')).status, 503);
});

test('the library signs what the room takes, claim for claim', async () => {
  const { pass } = await shop('/drop');
  const { alg, typ, kid } = decodeProtectedHeader(pass);
  const again = await new SignJWT(decodeJwt(pass))
    .setProtectedHeader({ alg, typ, kid }).sign(KEYS[kid]);

  assert.equal(again, pass, 'it is the same, letter for letter');
});

test('both keys of a rotated file', async () => {
  const old = await shop('/drop');

  await rotate('autumn', 'spring');
  const young = await shop('/drop');

  assert.equal((await verify(old.pass, 'adm-pass+jwt')).protectedHeader.kid,
    'spring');
  assert.equal((await verify(young.pass, 'adm-pass+jwt')).protectedHeader.kid,
    'autumn');
  assert.equal((await get('/drop', old.pass)).status, 200);
  assert.equal((await get('/drop', young.pass)).status, 200);

  // a key that has left the file is nobody's
  await rotate('long', 'autumn');
  const youngest = await shop('/drop');

  await verify(young.pass, 'adm-pass+jwt');
  await verify(youngest.pass, 'adm-pass+jwt');
  assert.equal((await get('/drop', young.pass)).status, 200);
  assert.equal((await get('/drop', youngest.pass)).status, 200);
  assert.equal((await get('/drop', old.pass)).status, 503);
});
