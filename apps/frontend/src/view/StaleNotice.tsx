import { type Connection, choosePhase } from '../live/connection'
import { renderClock } from './wording'

interface Props {
  readonly connection: Connection
  readonly empty: boolean
  readonly onRetry: () => void
}

/** What is on the page may be out of date: say so, and since when. */
export function StaleNotice({ connection, empty, onRetry }: Props) {
  const stale = choosePhase(connection) === 'offline'
  return (
    <div role="alert">
      {stale && (
        <div className="notice" data-testid="stale-notice">
          <p>
            <strong>{connection.problem}</strong>{' '}
            {empty || connection.heardAt === null
              ? 'The page keeps trying.'
              : `What you see is the state of ${renderClock(connection.heardAt)}; the page keeps trying.`}
          </p>
          <button type="button" className="button" onClick={onRetry}>
            Try now
          </button>
        </div>
      )}
    </div>
  )
}
