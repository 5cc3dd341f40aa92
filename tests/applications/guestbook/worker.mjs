// Turns the guestbook's pages. Two at once would tear them: whoever comes second gives up.
import { randomUUID } from 'node:crypto';
import { appendFileSync, closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';

const DATA = process.env.GUESTBOOK_DATA ?? '/data';
const LOCK = `${DATA}/worker.lock`;
const BEAT_EVERY_MS = Number(process.env.GUESTBOOK_BEAT_MS ?? 500);
// Of one that was killed and could not take its lock away.
const STALE_AFTER_MS = 10_000;
const HELD = 4;

const me = randomUUID();
let beats = 0;

function takeLock() {
  try {
    const file = openSync(LOCK, 'wx');
    writeFileSync(file, me);
    closeSync(file);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (Date.now() - statSync(LOCK).mtimeMs > STALE_AFTER_MS) {
      rmSync(LOCK);
      return takeLock();
    }
    console.error(`another worker holds ${LOCK}: ${readFileSync(LOCK, 'utf8')}`);
    process.exit(HELD);
  }
}

function note(what) {
  appendFileSync(`${DATA}/worker.log`, `${JSON.stringify({ at: Date.now(), what, worker: me })}\n`);
}

function beat() {
  const now = new Date();
  utimesSync(LOCK, now, now);
  beats += 1;
  writeFileSync(`${DATA}/heartbeat.part`, JSON.stringify({ beats, worker: me, at: now.toISOString() }));
  renameSync(`${DATA}/heartbeat.part`, `${DATA}/heartbeat.json`);
}

function stop() {
  note('stopped');
  rmSync(LOCK, { force: true });
  console.log('worker stopped');
  process.exit(0);
}

mkdirSync(DATA, { recursive: true });
takeLock();
note('started');
console.log(`worker ${me} turns the pages`);
process.on('SIGTERM', stop);
process.on('SIGINT', stop);
setInterval(beat, BEAT_EVERY_MS);
beat();
