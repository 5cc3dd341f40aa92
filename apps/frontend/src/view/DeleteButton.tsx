import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import { TrashIcon } from './Icons'

interface Props {
  readonly name: string
  readonly disabled: boolean
  readonly onDelete: () => void
}

/** Asks once more, in place; Escape and "Keep" lead back. */
export function DeleteButton({ name, disabled, onDelete }: Props) {
  const [asking, setAsking] = useState(false)
  const opener = useRef<HTMLButtonElement>(null)
  const confirm = useRef<HTMLButtonElement>(null)
  useEffect(() => {
    if (asking) confirm.current?.focus()
  }, [asking])

  function keep() {
    setAsking(false)
    opener.current?.focus()
  }

  function keepOnEscape(event: KeyboardEvent) {
    if (event.key === 'Escape') keep()
  }

  function confirmDeletion() {
    setAsking(false)
    onDelete()
  }

  return (
    <>
      <button
        ref={opener}
        type="button"
        className="icon-button"
        title="Delete"
        aria-expanded={asking}
        disabled={disabled}
        data-testid="intent-delete"
        onClick={() => setAsking(!asking)}
      >
        <TrashIcon />
        <span className="visually-hidden">Delete: {name}</span>
      </button>
      {asking && (
        <fieldset className="confirm" onKeyDown={keepOnEscape}>
          <legend className="visually-hidden">Delete for good?</legend>
          <button
            ref={confirm}
            type="button"
            className="button button-danger"
            data-testid="intent-delete-confirm"
            onClick={confirmDeletion}
          >
            Delete
          </button>
          <button type="button" className="button" onClick={keep}>
            Keep
          </button>
        </fieldset>
      )}
    </>
  )
}
