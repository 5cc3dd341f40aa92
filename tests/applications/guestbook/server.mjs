// The guestbook's web service. GUESTBOOK_PORT is for its tests alone: they take any free port.
import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { acceptWebSocket } from './websocket.mjs';

const DATA = process.env.GUESTBOOK_DATA ?? '/data';
const VERSION = process.env.GUESTBOOK_VERSION ?? 'unknown';
const BODY_MAX_BYTES = 10_000;
const STOP_WITHIN_MS = 8_000;
const EVENT_EVERY_MS = 1_000;
const GOING_AWAY = 1001;

const greeting = required('GREETING');
const signingKey = required('SIGNING_KEY');
const sockets = new Set();
let isStopping = false;

function required(name) {
  if (!process.env[name]) throw new Error(`${name} is not set`);
  return process.env[name];
}

function answer(response, status, type, body) {
  if (isStopping) response.setHeader('Connection', 'close');
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

const answerJson = (response, status, value) => answer(response, status, 'application/json', JSON.stringify(value));

async function readBody(request) {
  let body = '';
  for await (const part of request) {
    body += part;
    if (body.length > BODY_MAX_BYTES) throw new RangeError('too long');
  }
  return body;
}

async function readHeartbeat() {
  try {
    return JSON.parse(await readFile(`${DATA}/heartbeat.json`, 'utf8'));
  } catch {
    return null;
  }
}

const routes = {
  'GET /': async (request, response) => {
    const heartbeat = await readHeartbeat();
    const beats = heartbeat ? `${heartbeat.beats} pages turned` : 'nobody turns the pages';
    const page = `<!doctype html><title>guestbook</title><h1>guestbook</h1><p>version ${VERSION}</p><p>${beats}</p>`;
    answer(response, 200, 'text/html; charset=utf-8', page);
  },
  'GET /healthz': async (request, response) => answerJson(response, 200, { status: 'ok', version: VERSION }),
  'GET /api/echo': async (request, response, url) => echo(response, url.searchParams.get('text') ?? ''),
  'POST /api/echo': async (request, response) => echo(response, await readBody(request)),
};

function echo(response, text) {
  const signature = createHmac('sha256', signingKey).update(text).digest('hex');
  answerJson(response, 200, { text, greeting, version: VERSION, signature });
}

async function handle(request, response) {
  const url = new URL(request.url, 'http://guestbook');
  const route = routes[`${request.method} ${url.pathname}`];
  if (!route) return answerJson(response, 404, { error: 'no such page' });
  try {
    await route(request, response, url);
  } catch (error) {
    answerJson(response, error instanceof RangeError ? 413 : 500, { error: error.message });
  }
}

const server = createServer(handle);

// Longer than nginx keeps its own side, so that it is never us who close a connection that it is about to use.
server.keepAliveTimeout = 75_000;

server.on('upgrade', (request, socket) => {
  if (new URL(request.url, 'http://guestbook').pathname !== '/events' || isStopping) return socket.destroy();
  const events = acceptWebSocket(request, socket, () => sockets.delete(events));
  if (!events) return;
  sockets.add(events);
  events.send(JSON.stringify({ type: 'hello', version: VERSION }));
});

setInterval(() => {
  for (const events of sockets) events.send(JSON.stringify({ type: 'guests', count: sockets.size }));
}, EVENT_EVERY_MS).unref();

function stop() {
  if (isStopping) return;
  isStopping = true;
  console.log('stopping: finishing what is in hand');
  server.close(() => process.exit(0));
  server.closeIdleConnections();
  for (const events of sockets) events.close(GOING_AWAY);
  setTimeout(() => process.exit(0), STOP_WITHIN_MS).unref();
}

process.on('SIGTERM', stop);
process.on('SIGINT', stop);
server.listen(Number(process.env.GUESTBOOK_PORT ?? 3000), '0.0.0.0', () =>
  console.log(`guestbook ${VERSION} listens on ${server.address().port}`),
);
