import type { Filter } from '../intents/state'
import { type Counts, STATES } from '../intents/types'
import { StateIcon } from './Icons'
import { STATE_LABELS } from './wording'

interface Props {
  readonly counts: Counts | null
  readonly filter: Filter
  readonly onChoose: (filter: Filter) => void
}

/** Each counter is also the switch that shows only its state. */
export function Counters({ counts, filter, onChoose }: Props) {
  return (
    <section className="counters" aria-label="Intents by state">
      {STATES.map((state) => (
        <button
          key={state}
          type="button"
          className={`counter state-${state}`}
          aria-pressed={filter === state}
          onClick={() => onChoose(filter === state ? 'all' : state)}
        >
          <span className="counter-label">
            <StateIcon state={state} />
            {STATE_LABELS[state]}
          </span>
          <span className="counter-value" data-testid={`count-${state}`}>
            {counts?.[state] ?? '–'}
          </span>
        </button>
      ))}
    </section>
  )
}
