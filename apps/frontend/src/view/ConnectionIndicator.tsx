import { type Connection, choosePhase } from '../live/connection'
import { PHASE_EXPLANATIONS, PHASE_LABELS } from './wording'

/** `data-connected` is true only while live updates flow; `data-phase` says more. */
export function ConnectionIndicator({ connection }: { connection: Connection }) {
  const phase = choosePhase(connection)
  return (
    <p
      className="connection"
      role="status"
      title={PHASE_EXPLANATIONS[phase]}
      data-testid="connection"
      data-connected={phase === 'live'}
      data-phase={phase}
    >
      <span className="connection-light" aria-hidden="true" />
      <span className="visually-hidden">Updates: </span>
      {PHASE_LABELS[phase]}
    </p>
  )
}
