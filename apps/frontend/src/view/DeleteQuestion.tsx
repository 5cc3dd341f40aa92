import { type KeyboardEvent, useEffect, useRef } from 'react'

interface Props {
  readonly onDelete: () => void
  readonly onKeep: () => void
}

/** Takes the focus; Escape and "Keep" lead back. */
export function DeleteQuestion({ onDelete, onKeep }: Props) {
  const confirm = useRef<HTMLButtonElement>(null)
  useEffect(() => confirm.current?.focus(), [])

  function keepOnEscape(event: KeyboardEvent) {
    if (event.key === 'Escape') onKeep()
  }

  return (
    <fieldset className="question" onKeyDown={keepOnEscape}>
      <legend>Delete for good?</legend>
      <button
        ref={confirm}
        type="button"
        className="button button-danger"
        data-testid="intent-delete-confirm"
        onClick={onDelete}
      >
        Delete
      </button>
      <button type="button" className="button" onClick={onKeep}>
        Keep
      </button>
    </fieldset>
  )
}
