// The closed model: a fixed number of visitors with kept connections, who think between requests; and some who only listen.
import http from 'k6/http';
import { Counter } from 'k6/metrics';
import { sleep } from 'k6';
import ws from 'k6/ws';

const VISITORS = Number(__ENV.VISITORS || 500);
const LISTENERS = Number(__ENV.LISTENERS || 20);
const THINK_SECONDS = Number(__ENV.THINK_SECONDS || 2.5);
const LIMIT = __ENV.LIMIT || '600s';
const paths = (__ENV.PATHS || '/,/api/health').split(',');
const ends = new Counter('websocket_ends');

export const options = {
  discardResponseBodies: true,
  scenarios: {
    visitors: { executor: 'constant-vus', exec: 'visit', vus: VISITORS, duration: LIMIT, gracefulStop: '15s' },
    ...(LISTENERS && {
      listeners: { executor: 'constant-vus', exec: 'listen', vus: LISTENERS, duration: LIMIT, gracefulStop: '0s' },
    }),
  },
  systemTags: ['status', 'error', 'error_code', 'scenario'],
};

export function visit() {
  if (__ITER === 0) sleep(Math.random() * THINK_SECONDS);
  http.get(`https://${__ENV.ADDRESS}${paths[(__VU + __ITER) % paths.length]}`, { timeout: '10s' });
  sleep(THINK_SECONDS * (0.5 + Math.random()));
}

export function listen() {
  let code = 0;
  const answer = ws.connect(`wss://${__ENV.ADDRESS}${__ENV.WEBSOCKET || '/ws'}`, {}, (socket) => {
    socket.on('close', (told) => (code = told));
    socket.on('error', (error) => {
      const found = /close (\d+)/.exec(error.error());
      code = found ? Number(found[1]) : 1006;
    });
  });
  ends.add(1, { code: String(code), status: String(answer && answer.status) });
  sleep(0.1);
}
