import type { Filter } from '../intents/state'
import { EMPTY_TEXTS } from './wording'

export function EmptyList({ filter }: { filter: Filter }) {
  return (
    <div className="empty" data-testid="intents-empty">
      <svg viewBox="0 0 120 64" aria-hidden="true" focusable="false">
        <path d="M60 52a12 12 0 0 0-12-12M60 52a12 12 0 0 1 12-12" />
        <path d="M34 40a26 26 0 0 1 52 0" />
        <path d="M20 40a40 40 0 0 1 80 0" />
        <circle cx="60" cy="52" r="4" />
      </svg>
      <p>{EMPTY_TEXTS[filter]}</p>
    </div>
  )
}

export function LoadingList() {
  return (
    <div className="loading" aria-busy="true" data-testid="intents-loading">
      <p className="visually-hidden">Loading the intents…</p>
      <span className="loading-row" />
      <span className="loading-row" />
      <span className="loading-row" />
    </div>
  )
}
