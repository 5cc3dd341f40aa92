import type { Counts, Intent, IntentState } from './types'

export type Filter = 'all' | IntentState

export const PAGE_SIZE = 50

/** A text on its way to the server. */
export interface Draft {
  readonly key: string
  readonly text: string
  /** Why it did not arrive. */
  readonly problem: string | null
  /** The live updates were faster than the answer: the intent that this probably became. */
  readonly arrivedAs: string | null
}

export interface Deletion {
  readonly problem: string | null
}

export interface Known {
  readonly intent: Intent
  /** The clock when the server last said this. */
  readonly heardAt: number
}

/** The request for older rows. */
export interface Older {
  readonly busy: boolean
  readonly problem: string | null
}

export interface DashboardState {
  /** Counts what was heard. A question notes it; what is heard later beats the answer to the question. */
  readonly clock: number
  readonly known: ReadonlyMap<string, Known>
  readonly counts: Counts | null
  readonly countsHeardAt: number
  readonly snapshotHeardAt: number
  /** For each filter, the `created_at` down to which the list has no gaps, or `end`. */
  readonly loadedTo: Readonly<Partial<Record<Filter, string>>>
  readonly filter: Filter
  /** How many rows the person asked to see. */
  readonly wanted: number
  readonly older: Older
  readonly drafts: readonly Draft[]
  readonly deletions: ReadonlyMap<string, Deletion>
  /** Ids never come back: a late answer must not revive one. */
  readonly gone: ReadonlySet<string>
  /** Ids that were created on this page. */
  readonly mine: ReadonlySet<string>
}

export const END = 'end'

export const INITIAL: DashboardState = {
  clock: 0,
  known: new Map(),
  counts: null,
  countsHeardAt: 0,
  snapshotHeardAt: 0,
  loadedTo: {},
  filter: 'all',
  wanted: PAGE_SIZE,
  older: { busy: false, problem: null },
  drafts: [],
  deletions: new Map(),
  gone: new Set(),
  mine: new Set(),
}

/** The rows of the chosen filter, newest first, as far as they are known without gaps. */
export function chooseVisible(state: DashboardState): Intent[] {
  const { filter } = state
  const floor = Math.min(toFloor(state.loadedTo.all), toFloor(state.loadedTo[filter]))
  return [...state.known.values()]
    .map(({ intent }) => intent)
    .filter((intent) => matches(intent, filter) && Date.parse(intent.created_at) >= floor)
    .sort(compareNewestFirst)
}

export function hasOlder(state: DashboardState, visible: readonly Intent[]): boolean {
  if (state.counts === null || isComplete(state)) return false
  return countFor(state.filter, state.counts) > visible.length
}

export function countFor(filter: Filter, counts: Counts): number {
  return filter === 'all' ? Object.values(counts).reduce((sum, each) => sum + each, 0) : counts[filter]
}

export function matches(intent: Intent, filter: Filter): boolean {
  return filter === 'all' || intent.state === filter
}

function isComplete({ loadedTo, filter }: DashboardState): boolean {
  return loadedTo.all === END || loadedTo[filter] === END
}

/** Where a list without gaps ends, in milliseconds. */
export function toFloor(loadedTo: string | undefined): number {
  if (loadedTo === undefined) return Number.POSITIVE_INFINITY
  return loadedTo === END ? Number.NEGATIVE_INFINITY : Date.parse(loadedTo)
}

function compareNewestFirst(a: Intent, b: Intent): number {
  return Date.parse(b.created_at) - Date.parse(a.created_at) || (a.id < b.id ? 1 : -1)
}
