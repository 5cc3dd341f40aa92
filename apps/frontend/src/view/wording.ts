import type { Filter } from '../intents/state'
import type { IntentState } from '../intents/types'
import type { Phase } from '../live/connection'

export const STATE_LABELS: Record<IntentState, string> = {
  pending: 'Pending',
  processing: 'Processing',
  done: 'Done',
  failed: 'Failed',
}

export const PHASE_LABELS: Record<Phase, string> = {
  connecting: 'Connecting…',
  live: 'Live',
  reconnecting: 'Reconnecting…',
  polling: 'Every few seconds',
  offline: 'Not connected',
}

export const PHASE_EXPLANATIONS: Record<Phase, string> = {
  connecting: 'Waiting for the first answer.',
  live: 'Changes appear at once.',
  reconnecting: 'Live updates were interrupted and will be back in a moment.',
  polling: 'Live updates are not available; the page asks again every few seconds.',
  offline: 'The page cannot get news at the moment and keeps trying.',
}

export const EMPTY_TEXTS: Record<Filter, string> = {
  all: 'No intents yet. Write your first one above.',
  pending: 'Nothing is waiting.',
  processing: 'Nothing is being worked on right now.',
  done: 'Nothing has been finished yet.',
  failed: 'Nothing has failed.',
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'always', style: 'narrow' })
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' })
const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' })

const UNITS: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]

/** A server whose clock is a little ahead is not a reason to speak of the future. */
export function renderAge(created: string, now: number): string {
  const seconds = (now - Date.parse(created)) / 1000
  for (const [unit, size] of UNITS)
    if (seconds >= size) return relative.format(-Math.floor(seconds / size), unit)
  return 'just now'
}

export function renderDuration(from: string, to: string): string {
  const seconds = Math.max(0, Date.parse(to) - Date.parse(from)) / 1000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 60) return `${Math.round(seconds)} s`
  const minutes = Math.floor(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

export function renderClock(at: number): string {
  return clock.format(at)
}

export function renderMoment(iso: string): string {
  return full.format(Date.parse(iso))
}

export function shorten(text: string, length = 60): string {
  const characters = [...text]
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`
}
