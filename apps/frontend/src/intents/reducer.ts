import {
  countFor,
  type DashboardState,
  type Draft,
  END,
  type Filter,
  type Known,
  matches,
  PAGE_SIZE,
  toFloor,
} from './state'
import type { Counts, Intent, IntentState, LiveMessage, Page, PageQuery } from './types'

export type Action =
  | { readonly type: 'heard'; readonly message: LiveMessage }
  | { readonly type: 'answered'; readonly query: PageQuery; readonly page: Page; readonly asOf: number }
  | { readonly type: 'filter-chosen'; readonly filter: Filter }
  | { readonly type: 'more-wanted' }
  | { readonly type: 'older-asked' }
  | { readonly type: 'older-finished'; readonly problem: string | null }
  | { readonly type: 'draft-sent'; readonly key: string; readonly text: string }
  | { readonly type: 'draft-stored'; readonly key: string; readonly intent: Intent; readonly asOf: number }
  | { readonly type: 'draft-refused'; readonly key: string; readonly problem: string }
  | { readonly type: 'draft-dropped'; readonly key: string }
  | { readonly type: 'deletion-started'; readonly id: string }
  | { readonly type: 'deletion-refused'; readonly id: string; readonly problem: string }
  | { readonly type: 'deletion-finished'; readonly id: string }

export function reduce(state: DashboardState, action: Action): DashboardState {
  switch (action.type) {
    case 'heard':
      return hear(state, action.message)
    case 'answered':
      return takeAnswer(state, action.query, action.page, action.asOf)
    case 'filter-chosen':
      return { ...state, filter: action.filter, wanted: PAGE_SIZE, older: { busy: false, problem: null } }
    case 'more-wanted':
      return { ...state, wanted: state.wanted + PAGE_SIZE, older: { ...state.older, problem: null } }
    case 'older-asked':
      return { ...state, older: { busy: true, problem: null } }
    case 'older-finished':
      return { ...state, older: { busy: false, problem: action.problem } }
    case 'draft-sent':
      return addDraft(state, action.key, action.text)
    case 'draft-stored':
      return storeDraft(state, action.key, action.intent, action.asOf)
    case 'draft-refused':
      return editDrafts(state, action.key, { problem: action.problem, arrivedAs: null })
    case 'draft-dropped':
      return { ...state, drafts: state.drafts.filter(({ key }) => key !== action.key) }
    case 'deletion-started':
      return setDeletion(state, action.id, null)
    case 'deletion-refused':
      return setDeletion(state, action.id, action.problem)
    case 'deletion-finished':
      return forget(state, action.id, lowerCount(state, action.id))
  }
}

function hear(state: DashboardState, message: LiveMessage): DashboardState {
  switch (message.type) {
    case 'snapshot':
      return startOver(state, message)
    case 'changed':
      return state.gone.has(message.intent.id)
        ? setCounts(state, message.counts)
        : setCounts(learn(claimDraft(state, message.intent), message.intent), message.counts)
    case 'deleted':
      return forget(state, message.id, message.counts)
  }
}

/** Everything that is not in the snapshot may have changed unseen. */
function startOver(state: DashboardState, page: Page): DashboardState {
  const heardAt = state.clock + 1
  const items = page.items.filter(({ id }) => !state.gone.has(id))
  const known = new Map(items.map((intent) => [intent.id, { intent, heardAt }]))
  const complete = countFor('all', page.counts) <= page.items.length
  const end = complete ? END : (page.items.at(-1)?.created_at ?? END)
  return { ...setCounts(state, page.counts), known, loadedTo: { all: end }, snapshotHeardAt: heardAt }
}

function takeAnswer(state: DashboardState, query: PageQuery, page: Page, asOf: number): DashboardState {
  if (state.snapshotHeardAt > asOf) return state
  const filter = query.state ?? 'all'
  const end = page.items.length < query.limit ? END : (page.items.at(-1)?.created_at ?? END)
  const known = new Map(state.known)
  for (const [id, entry] of state.known)
    if (entry.heardAt <= asOf && isCovered(entry.intent, query, end)) known.delete(id)
  for (const intent of page.items)
    if (!isNewer(state.known.get(intent.id), asOf) && !state.gone.has(intent.id))
      known.set(intent.id, { intent, heardAt: asOf })
  const next = state.countsHeardAt <= asOf ? { ...state, counts: page.counts, countsHeardAt: asOf } : state
  return { ...next, known, loadedTo: { ...state.loadedTo, [filter]: lower(state.loadedTo[filter], end) } }
}

/** Would the answer to `query`, which reaches down to `end`, have contained the intent? */
function isCovered(intent: Intent, query: PageQuery, end: string): boolean {
  const created = Date.parse(intent.created_at)
  const top = query.before === undefined ? Number.POSITIVE_INFINITY : Date.parse(query.before)
  return matches(intent, query.state ?? 'all') && created < top && created >= toFloor(end)
}

function isNewer(entry: Known | undefined, asOf: number): boolean {
  return entry !== undefined && entry.heardAt > asOf
}

function lower(a: string | undefined, b: string): string {
  return a !== undefined && toFloor(a) < toFloor(b) ? a : b
}

function learn(state: DashboardState, intent: Intent): DashboardState {
  const clock = state.clock + 1
  return { ...state, clock, known: new Map(state.known).set(intent.id, { intent, heardAt: clock }) }
}

function forget(state: DashboardState, id: string, counts: Counts | null): DashboardState {
  const known = new Map(state.known)
  known.delete(id)
  const deletions = new Map(state.deletions)
  deletions.delete(id)
  const next = { ...state, known, deletions, gone: new Set(state.gone).add(id) }
  return counts ? setCounts(next, counts) : next
}

function setCounts(state: DashboardState, counts: Counts): DashboardState {
  const clock = state.clock + 1
  return { ...state, clock, counts, countsHeardAt: clock }
}

function setDeletion(state: DashboardState, id: string, problem: string | null): DashboardState {
  return { ...state, deletions: new Map(state.deletions).set(id, { problem }) }
}

function addDraft(state: DashboardState, key: string, text: string): DashboardState {
  const draft: Draft = { key, text, problem: null, arrivedAs: null }
  return { ...state, drafts: [draft, ...state.drafts.filter((each) => each.key !== key)] }
}

/** An unknown intent with the text of a draft on its way: show it once, not twice. */
function claimDraft(state: DashboardState, intent: Intent): DashboardState {
  if (state.known.has(intent.id)) return state
  const draft = state.drafts.findLast(
    ({ text, problem, arrivedAs }) => text === intent.text && problem === null && arrivedAs === null,
  )
  return draft ? editDrafts(state, draft.key, { arrivedAs: intent.id }) : state
}

function editDrafts(state: DashboardState, key: string, change: Partial<Draft>): DashboardState {
  return { ...state, drafts: state.drafts.map((each) => (each.key === key ? { ...each, ...change } : each)) }
}

function storeDraft(state: DashboardState, key: string, intent: Intent, asOf: number): DashboardState {
  const drafts = state.drafts.filter((each) => each.key !== key)
  const next = { ...state, drafts, mine: new Set(state.mine).add(intent.id) }
  const known = state.known.get(intent.id)
  if (isNewer(known, asOf) || state.gone.has(intent.id)) return next
  const counts = known ? null : shiftCount(state.counts, intent.state, 1)
  return counts ? setCounts(learn(next, intent), counts) : learn(next, intent)
}

function lowerCount(state: DashboardState, id: string): Counts | null {
  const known = state.known.get(id)
  return known ? shiftCount(state.counts, known.intent.state, -1) : null
}

function shiftCount(counts: Counts | null, intentState: IntentState, by: number): Counts | null {
  return counts && { ...counts, [intentState]: Math.max(0, counts[intentState] + by) }
}
