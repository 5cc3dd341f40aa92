import type { Draft } from '../intents/state'
import { StateIcon } from './Icons'

interface Props {
  readonly draft: Draft
  readonly onResend: () => void
  readonly onEdit: () => void
  readonly onDiscard: () => void
}

/** A text that the server has not confirmed; it looks different, and it is not counted. */
export function DraftRow({ draft, onResend, onEdit, onDiscard }: Props) {
  const unsent = draft.problem !== null
  return (
    <li className="row row-draft" data-testid="intent-draft" data-state={unsent ? 'unsent' : 'sending'}>
      <StateIcon state={unsent ? 'failed' : 'pending'} />
      <div className="row-body">
        <p className="row-text">{draft.text}</p>
        {!unsent && <p className="facts">Sending…</p>}
        <div role="alert">
          {unsent && (
            <p className="fault">
              <strong>Not sent.</strong> {draft.problem}
            </p>
          )}
        </div>
        {unsent && (
          <div className="draft-actions">
            <button type="button" className="button" onClick={onResend}>
              Send again
            </button>
            <button type="button" className="button" onClick={onEdit}>
              Edit
            </button>
            <button type="button" className="button button-quiet" onClick={onDiscard}>
              Discard
            </button>
          </div>
        )}
      </div>
    </li>
  )
}
