import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { Agent, get, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';

const FOLDER = join(import.meta.dirname, '..');
let data;
let processes;

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'guestbook-'));
  processes = [];
});

afterEach(() => {
  for (const entry of processes) entry.kill('SIGKILL');
  rmSync(data, { recursive: true });
});

function run(file, environment = {}) {
  const env = { PATH: process.env.PATH, GUESTBOOK_DATA: data, GUESTBOOK_PORT: '0', GUESTBOOK_BEAT_MS: '20', ...environment };
  const child = spawn(process.execPath, [file], { cwd: FOLDER, env, stdio: ['ignore', 'pipe', 'pipe'] });
  processes.push(child);
  child.said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (child.said += part));
  return child;
}

async function until(holds) {
  for (let left = 300; left > 0; left -= 1) {
    const found = holds();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('waited in vain');
}

async function startServer(environment) {
  const child = run('server.mjs', { GREETING: 'hello', SIGNING_KEY: 'test', GUESTBOOK_VERSION: '7', ...environment });
  child.port = Number((await until(() => child.said.match(/listens on (\d+)/)))[1]);
  return child;
}

const ask = (child, path) => fetch(`http://127.0.0.1:${child.port}${path}`);

test('the page names the version', async () => {
  const page = await (await ask(await startServer(), '/')).text();
  assert.match(page, /guestbook/);
  assert.match(page, /version 7/);
});

test('an echo is signed with the key, which is not shown', async () => {
  const echoes = [];
  for (const SIGNING_KEY of ['first', 'second']) {
    echoes.push(await (await ask(await startServer({ SIGNING_KEY }), '/api/echo?text=hi')).json());
  }
  assert.deepEqual(echoes.map(({ text, greeting }) => [text, greeting]), [['hi', 'hello'], ['hi', 'hello']]);
  assert.notEqual(echoes[0].signature, echoes[1].signature);
  assert.ok(!JSON.stringify(echoes).includes('second'));
});

test('it does not start without its variables', async () => {
  const child = run('server.mjs', { GREETING: 'hello' });
  assert.deepEqual(await once(child, 'exit'), [1, null]);
  assert.match(child.said, /SIGNING_KEY is not set/);
});

test('SIGTERM: a request in hand is finished, an idle connection is closed, then it ends', async () => {
  const child = await startServer();
  const agent = new Agent({ keepAlive: true });
  const idle = await new Promise((resolve) => get({ port: child.port, path: '/healthz', agent }, resolve));
  idle.resume();
  const inHand = request({ port: child.port, path: '/api/echo', method: 'POST' });
  inHand.write('late ');
  await new Promise((resolve) => setTimeout(resolve, 100));
  child.kill('SIGTERM');
  await until(() => child.said.includes('stopping'));
  inHand.end('guest');
  const [response] = await once(inHand, 'response');
  assert.equal(response.statusCode, 200);
  assert.equal(response.headers.connection, 'close');
  response.resume();
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

test('a WebSocket is greeted, and told that the server goes away', async () => {
  const child = await startServer();
  const socket = connect(child.port, '127.0.0.1');
  let received = Buffer.alloc(0);
  socket.on('data', (data) => (received = Buffer.concat([received, data])));
  socket.write(
    'GET /events HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n' +
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  await until(() => received.includes('"hello"'));
  assert.ok(received.includes('Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo='));
  child.kill('SIGTERM');
  await until(() => received.subarray(-4).equals(Buffer.from([0x88, 2, 1001 >> 8, 1001 & 255])));
  socket.write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 1001 >> 8, 1001 & 255]));
  assert.deepEqual(await once(child, 'exit'), [0, null]);
});

test('a second worker gives up, and one that follows a stopped one works', async () => {
  const first = run('worker.mjs');
  await until(() => first.said.includes('turns the pages'));
  const second = run('worker.mjs');
  assert.deepEqual(await once(second, 'exit'), [4, null]);
  assert.match(second.said, /another worker holds/);
  first.kill('SIGTERM');
  assert.deepEqual(await once(first, 'exit'), [0, null]);
  const third = run('worker.mjs');
  await until(() => third.said.includes('turns the pages'));
  const notes = readFileSync(join(data, 'worker.log'), 'utf8').trim().split('\n').map((line) => JSON.parse(line).what);
  assert.deepEqual(notes, ['started', 'stopped', 'started']);
});

test('the lock of a worker that was killed is taken over once it is stale', async () => {
  const lock = join(data, 'worker.lock');
  writeFileSync(lock, 'killed');
  utimesSync(lock, 1, 1);
  const worker = run('worker.mjs');
  await until(() => worker.said.includes('turns the pages'));
  assert.notEqual(readFileSync(lock, 'utf8'), 'killed');
});
