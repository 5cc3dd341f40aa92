import { describe, expect, it } from 'vitest'
import { type Action, reduce } from '../src/intents/reducer'
import { chooseVisible, type DashboardState, hasOlder, INITIAL } from '../src/intents/state'
import type { Intent, LiveMessage } from '../src/intents/types'
import { changed, counts, intent, intents, snapshot } from './intents'

function stateAfter(...actions: Action[]): DashboardState {
  return actions.reduce(reduce, INITIAL)
}

const heard = (said: LiveMessage | Intent): Action => ({
  type: 'heard',
  message: 'type' in said ? said : changed(said),
})

const ids = (state: DashboardState) => chooseVisible(state).map(({ id }) => id)

describe('live messages', () => {
  it('shows a snapshot newest first', () => {
    expect(ids(stateAfter(heard(snapshot(intents(3, 1)))))).toEqual(['id-3', 'id-2', 'id-1'])
  })

  it('puts a new intent on top and takes the server’s counts', () => {
    const numbers = counts({ pending: 2, done: 7 })
    const state = stateAfter(heard(snapshot([intent(1)])), heard(changed(intent(2), numbers)))
    expect(ids(state)).toEqual(['id-2', 'id-1'])
    expect(state.counts).toEqual(numbers)
  })

  it('replaces an intent in place', () => {
    const state = stateAfter(
      heard(snapshot(intents(2, 1))),
      heard(intent(1, { state: 'done', result: 'yes' })),
    )
    expect(chooseVisible(state)[1]).toMatchObject({ id: 'id-1', state: 'done', result: 'yes' })
  })

  it('never revives a deleted intent', () => {
    const gone: Action = { type: 'heard', message: { type: 'deleted', id: 'id-1', counts: counts() } }
    const state = stateAfter(
      heard(snapshot(intents(2, 1))),
      gone,
      heard(intent(1)),
      heard(snapshot(intents(2, 1))),
    )
    expect(ids(state)).toEqual(['id-2'])
  })

  it('forgets what a later snapshot does not contain', () => {
    expect(ids(stateAfter(heard(snapshot(intents(3, 1))), heard(snapshot([intent(3)]))))).toEqual(['id-3'])
  })

  it('does not show an old intent below a gap', () => {
    const numbers = counts({ pending: 100 })
    const state = stateAfter(heard(snapshot(intents(100, 51), numbers)), heard(changed(intent(7), numbers)))
    expect(ids(state)).toHaveLength(50)
    expect(hasOlder(state, chooseVisible(state))).toBe(true)
  })
})

describe('answers to requests', () => {
  const page = (items = intents(2, 1), numbers = counts({ pending: 2 })) => ({ items, counts: numbers })

  it('loses to what was heard after the question', () => {
    const asked = stateAfter(heard(snapshot(intents(2, 1))))
    const told = reduce(asked, heard(changed(intent(2, { state: 'done' }), counts({ done: 1, pending: 1 }))))
    const state = reduce(told, { type: 'answered', query: { limit: 50 }, page: page(), asOf: asked.clock })
    expect(chooseVisible(state)[0]).toMatchObject({ state: 'done' })
    expect(state.counts).toEqual(counts({ done: 1, pending: 1 }))
  })

  it('keeps an intent that was heard of after the question', () => {
    const asked = stateAfter(heard(snapshot(intents(2, 1))))
    const told = reduce(asked, heard(intent(3)))
    const state = reduce(told, { type: 'answered', query: { limit: 50 }, page: page(), asOf: asked.clock })
    expect(ids(state)).toEqual(['id-3', 'id-2', 'id-1'])
  })

  it('removes what the server no longer lists', () => {
    const state = stateAfter(heard(snapshot(intents(3, 1))))
    const answered: Action = { type: 'answered', query: { limit: 50 }, page: page(), asOf: state.clock }
    expect(ids(reduce(state, answered))).toEqual(['id-2', 'id-1'])
  })

  it('appends an older page and knows the end', () => {
    const first = stateAfter(heard(snapshot(intents(100, 51), counts({ pending: 60 }))))
    const query = { limit: 50, before: intent(51).created_at }
    const older: Action = { type: 'answered', query, page: page(intents(50, 41)), asOf: first.clock }
    const state = reduce(first, older)
    expect(ids(state)).toHaveLength(60)
    expect(hasOlder(state, chooseVisible(state))).toBe(false)
  })

  it('drops an older page that a snapshot has overtaken', () => {
    const first = stateAfter(heard(snapshot(intents(60, 11), counts({ pending: 60 }))))
    const overtaken = reduce(first, heard(snapshot(intents(90, 41), counts({ pending: 90 }))))
    const query = { limit: 50, before: intent(11).created_at }
    const answered: Action = { type: 'answered', query, page: page(intents(10, 1)), asOf: first.clock }
    expect(ids(reduce(overtaken, answered))).toEqual(intents(90, 41).map(({ id }) => id))
  })
})

describe('drafts', () => {
  const sent: Action = { type: 'draft-sent', key: 'a', text: 'intent 1' }
  const known = heard(snapshot([], counts()))

  it('does not count before the server has confirmed', () => {
    const state = stateAfter(known, sent)
    expect(state.drafts).toHaveLength(1)
    expect(state.counts).toEqual(counts())
  })

  it('becomes an intent, and is counted', () => {
    const state = stateAfter(known, sent, { type: 'draft-stored', key: 'a', intent: intent(1), asOf: 1 })
    expect(state.drafts).toEqual([])
    expect(ids(state)).toEqual(['id-1'])
    expect(state.counts).toEqual(counts({ pending: 1 }))
  })

  it('is shown once when the live update comes before the answer', () => {
    const early = stateAfter(known, sent, heard(changed(intent(1), counts({ pending: 1 }))))
    expect(early.drafts.map(({ arrivedAs }) => arrivedAs)).toEqual(['id-1'])
    const state = reduce(early, { type: 'draft-stored', key: 'a', intent: intent(1), asOf: 1 })
    expect(state.drafts).toEqual([])
    expect(state.counts).toEqual(counts({ pending: 1 }))
  })

  it('comes back when it was somebody else’s intent and the server refused', () => {
    const state = stateAfter(known, sent, heard(intent(1)), {
      type: 'draft-refused',
      key: 'a',
      problem: 'no',
    })
    expect(state.drafts).toEqual([{ key: 'a', text: 'intent 1', problem: 'no', arrivedAs: null }])
  })
})

describe('deletions', () => {
  const start: Action = { type: 'deletion-started', id: 'id-1' }
  const shown = heard(snapshot(intents(2, 1)))

  it('keeps the row until the server has confirmed', () => {
    expect(ids(stateAfter(shown, start))).toEqual(['id-2', 'id-1'])
  })

  it('removes and uncounts it then', () => {
    const state = stateAfter(shown, start, { type: 'deletion-finished', id: 'id-1' })
    expect(ids(state)).toEqual(['id-2'])
    expect(state.counts).toEqual(counts({ pending: 1 }))
  })

  it('uncounts once when the live update comes first', () => {
    const deleted: Action = {
      type: 'heard',
      message: { type: 'deleted', id: 'id-1', counts: counts({ pending: 1 }) },
    }
    const state = stateAfter(shown, start, deleted, { type: 'deletion-finished', id: 'id-1' })
    expect(state.counts).toEqual(counts({ pending: 1 }))
  })

  it('keeps the row and the reason when it failed', () => {
    const state = stateAfter(shown, start, { type: 'deletion-refused', id: 'id-1', problem: 'no' })
    expect(ids(state)).toContain('id-1')
    expect(state.deletions.get('id-1')).toEqual({ problem: 'no' })
  })
})

describe('filter', () => {
  it('shows one state and follows changes into it', () => {
    const state = stateAfter(
      heard(snapshot(intents(2, 1))),
      { type: 'filter-chosen', filter: 'done' },
      heard(intent(2, { state: 'done' })),
    )
    expect(ids(state)).toEqual(['id-2'])
  })
})
