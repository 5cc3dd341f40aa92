import type { Older } from '../intents/state'

export function OlderIntents({ older, onMore }: { older: Older; onMore: () => void }) {
  return (
    <div className="older">
      <div role="alert">{older.problem && <p className="fault">{older.problem}</p>}</div>
      <button
        type="button"
        className="button"
        data-testid="intents-older"
        disabled={older.busy}
        onClick={onMore}
      >
        {older.busy ? 'Loading…' : 'Show older intents'}
      </button>
    </div>
  )
}
