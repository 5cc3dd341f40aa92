import { type ReactNode, useRef } from 'react'
import { countFor, type Deletion, type Filter, type Older } from '../intents/state'
import type { Counts, Intent } from '../intents/types'
import type { DashboardCommands } from '../live/useDashboard'
import { EmptyList, LoadingList } from './EmptyList'
import { IntentRow } from './IntentRow'
import { OlderIntents } from './OlderIntents'
import { useNow } from './useNow'
import { STATE_LABELS } from './wording'

interface Props {
  readonly intents: readonly Intent[]
  readonly counts: Counts | null
  readonly filter: Filter
  readonly deletions: ReadonlyMap<string, Deletion>
  readonly older: Older
  readonly hasOlder: boolean
  readonly commands: DashboardCommands
  /** Rows of drafts, above all others. */
  readonly children: readonly ReactNode[]
}

export function IntentList(props: Props) {
  const { intents, counts, filter, deletions, older, commands, children } = props
  const heading = useRef<HTMLHeadingElement>(null)
  const now = useNow()

  function remove(id: string) {
    // The row with the focus is about to go.
    heading.current?.focus()
    commands.remove(id)
  }

  const total = counts ? countFor(filter, counts) : 0
  const empty = intents.length === 0 && children.length === 0
  return (
    <section className="intents" aria-labelledby="intents">
      <div className="intents-head">
        <h2 id="intents" ref={heading} tabIndex={-1}>
          {filter === 'all' ? 'Intents' : `${STATE_LABELS[filter]} intents`}
        </h2>
        {total > 0 && <p className="intents-total">{total.toLocaleString('en')} in all</p>}
        {filter !== 'all' && (
          <button type="button" className="button button-quiet" onClick={() => commands.choose('all')}>
            Show all
          </button>
        )}
      </div>
      {counts === null && children.length === 0 && <LoadingList />}
      {counts !== null && empty && !props.hasOlder && <EmptyList filter={filter} />}
      <ul className="rows">
        {children}
        {intents.map((intent) => (
          <IntentRow
            key={intent.id}
            intent={intent}
            now={now}
            deletion={deletions.get(intent.id)}
            onDelete={() => remove(intent.id)}
            onRepeat={() => commands.send(intent.text)}
          />
        ))}
      </ul>
      {props.hasOlder && <OlderIntents older={older} onMore={commands.showMore} />}
    </section>
  )
}
