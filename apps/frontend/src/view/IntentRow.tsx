import { useRef, useState } from 'react'
import type { Deletion } from '../intents/state'
import type { Intent } from '../intents/types'
import { DeleteQuestion } from './DeleteQuestion'
import { RepeatIcon, StateIcon, TrashIcon } from './Icons'
import { LongText } from './LongText'
import { renderAge, renderDuration, renderMoment, STATE_LABELS, shorten } from './wording'

interface Props {
  readonly intent: Intent
  readonly now: number
  readonly deletion: Deletion | undefined
  readonly onDelete: () => void
  readonly onRepeat: () => void
}

export function IntentRow({ intent, now, deletion, onDelete, onRepeat }: Props) {
  const [asking, setAsking] = useState(false)
  const opener = useRef<HTMLButtonElement>(null)
  const leaving = deletion?.problem === null
  const name = shorten(intent.text)

  function keep() {
    setAsking(false)
    opener.current?.focus()
  }

  function confirmDeletion() {
    setAsking(false)
    onDelete()
  }

  return (
    <li className="row" data-testid="intent-row" data-state={intent.state} aria-busy={leaving}>
      <StateIcon state={intent.state} />
      <div className="row-body">
        <p className="row-text">{intent.text}</p>
        <Facts intent={intent} now={now} leaving={leaving} />
      </div>
      <div className="row-actions">
        {intent.state === 'failed' && (
          <button type="button" className="icon-button" title="Send again" onClick={onRepeat}>
            <RepeatIcon />
            <span className="visually-hidden">Send again: {name}</span>
          </button>
        )}
        <button
          ref={opener}
          type="button"
          className="icon-button"
          title="Delete"
          aria-expanded={asking}
          disabled={leaving}
          data-testid="intent-delete"
          onClick={() => setAsking(!asking)}
        >
          <TrashIcon />
          <span className="visually-hidden">Delete: {name}</span>
        </button>
      </div>
      <div className="row-detail">
        {asking && <DeleteQuestion onDelete={confirmDeletion} onKeep={keep} />}
        <Outcome intent={intent} />
        <div role="alert">
          {deletion?.problem && <p className="fault">Not deleted. {deletion.problem}</p>}
        </div>
      </div>
    </li>
  )
}

function Facts({ intent, now, leaving }: { intent: Intent; now: number; leaving: boolean }) {
  const settled = intent.state === 'done' || intent.state === 'failed'
  return (
    <p className="facts">
      <span className={`state-word state-${intent.state}`}>
        {leaving ? 'Deleting…' : STATE_LABELS[intent.state]}
      </span>
      <time dateTime={intent.created_at} title={renderMoment(intent.created_at)}>
        {renderAge(intent.created_at, now)}
      </time>
      {settled && <span>took {renderDuration(intent.created_at, intent.updated_at)}</span>}
      {intent.attempts > 1 && <span>{intent.attempts} attempts</span>}
    </p>
  )
}

function Outcome({ intent }: { intent: Intent }) {
  if (intent.state === 'failed')
    return (
      <div className="answer answer-failed" data-testid="intent-error">
        <LongText text={intent.error ?? 'No reason was given.'} />
      </div>
    )
  if (intent.result === null) return null
  return (
    <div className="answer" data-testid="intent-result">
      <LongText text={intent.result} />
    </div>
  )
}
