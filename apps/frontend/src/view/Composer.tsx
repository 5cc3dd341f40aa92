import { type FormEvent, type KeyboardEvent, type Ref, useId, useRef, useState } from 'react'
import { findFault, measure, TEXT_MAX_LENGTH } from '../intents/validate'
import { ArrowIcon } from './Icons'

const COUNT_FROM = TEXT_MAX_LENGTH - 400

interface Props {
  readonly ref: Ref<HTMLTextAreaElement>
  readonly text: string
  readonly onChange: (text: string) => void
  readonly onSend: (text: string) => void
}

export function Composer({ ref, text, onChange, onSend }: Props) {
  const ids = { label: useId(), hint: useId(), fault: useId() }
  const form = useRef<HTMLFormElement>(null)
  const [tried, setTried] = useState(false)
  const length = measure(text)
  const found = findFault(text)
  const fault = tried || length > TEXT_MAX_LENGTH ? found : null

  function submit(event: FormEvent) {
    event.preventDefault()
    setTried(found !== null)
    if (found) form.current?.querySelector('textarea')?.focus()
    else onSend(text.trim())
  }

  function submitByKeyboard(event: KeyboardEvent) {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return
    event.preventDefault()
    form.current?.requestSubmit()
  }

  function change(value: string) {
    setTried(false)
    onChange(value)
  }

  return (
    <form ref={form} className="composer" aria-labelledby={ids.label} noValidate onSubmit={submit}>
      <label id={ids.label} htmlFor="intent-text">
        What should happen next?
      </label>
      <div className="composer-box" data-invalid={fault !== null}>
        <textarea
          ref={ref}
          id="intent-text"
          name="text"
          rows={3}
          placeholder="Describe your intent in plain words…"
          value={text}
          aria-invalid={fault !== null}
          aria-describedby={fault ? `${ids.fault} ${ids.hint}` : ids.hint}
          data-testid="intent-input"
          onChange={(event) => change(event.target.value)}
          onKeyDown={submitByKeyboard}
        />
        <div className="composer-bar">
          <p id={ids.hint} className="composer-hint">
            <kbd>Ctrl</kbd> <kbd>Enter</kbd> sends
          </p>
          {length >= COUNT_FROM && (
            <p className="composer-count" data-testid="intent-length">
              {length} <span aria-hidden="true">/</span> <span className="visually-hidden">of</span>{' '}
              {TEXT_MAX_LENGTH}
            </p>
          )}
          <button type="submit" className="button button-primary" data-testid="intent-submit">
            Send <ArrowIcon />
          </button>
        </div>
      </div>
      <div role="alert" id={ids.fault}>
        {fault && (
          <p className="fault" data-testid="intent-fault">
            {fault}
          </p>
        )}
      </div>
    </form>
  )
}
