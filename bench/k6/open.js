// The open model: new visitors come at a fixed rate, each over a connection of its own, whether or not the others were served.
import http from 'k6/http';

const paths = (__ENV.PATHS || '/,/api/health').split(',');

export const options = {
  discardResponseBodies: true,
  noConnectionReuse: true,
  scenarios: {
    newcomers: {
      executor: 'constant-arrival-rate',
      rate: Number(__ENV.NEW_PER_SECOND || 20),
      timeUnit: '1s',
      duration: __ENV.LIMIT || '600s',
      preAllocatedVUs: 50,
      maxVUs: 400,
      gracefulStop: '15s',
    },
  },
  systemTags: ['status', 'error', 'error_code', 'scenario'],
};

export default function () {
  http.get(`https://${__ENV.ADDRESS}${paths[__ITER % paths.length]}`, { timeout: '10s' });
}
