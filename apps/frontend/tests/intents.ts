import type { Counts, Intent, IntentState, LiveMessage } from '../src/intents/types'

const FIRST_SECOND = Date.parse('2026-01-05T09:00:00Z')

/** Intent `n` was created in second `n`. */
export function intent(n: number, change: Partial<Intent> = {}): Intent {
  const created = new Date(FIRST_SECOND + n * 1000).toISOString()
  return {
    id: `id-${n}`,
    text: `intent ${n}`,
    state: 'pending',
    result: null,
    error: null,
    attempts: 0,
    created_at: created,
    updated_at: created,
    ...change,
  }
}

/** Newest first: `to` down to `from`. */
export function intents(to: number, from: number): Intent[] {
  return Array.from({ length: to - from + 1 }, (_, i) => intent(to - i))
}

export function counts(change: Partial<Record<IntentState, number>> = {}): Counts {
  return { pending: 0, processing: 0, done: 0, failed: 0, ...change }
}

export function snapshot(items: Intent[], numbers = counts({ pending: items.length })): LiveMessage {
  return { type: 'snapshot', items, counts: numbers }
}

export function changed(changedIntent: Intent, numbers = counts()): LiveMessage {
  return { type: 'changed', intent: changedIntent, counts: numbers }
}
