import { useEffect, useRef, useState } from 'react'
import type { DashboardState } from '../intents/state'
import type { Intent } from '../intents/types'
import { shorten } from './wording'

/** Tells a screen reader how the intents of this page ended; those of other people would only be noise. */
export function Announcer({ state }: { state: DashboardState }) {
  const told = useRef(new Set<string>())
  const [message, setMessage] = useState('')
  useEffect(() => {
    const news = findSettled(state).filter(({ id }) => !told.current.has(id))
    for (const { id } of news) told.current.add(id)
    if (news.length > 0) setMessage(news.map(render).join(' '))
  }, [state])
  return (
    <p className="visually-hidden" role="status" data-testid="announcer">
      {message}
    </p>
  )
}

function findSettled({ mine, known }: DashboardState): Intent[] {
  return [...mine]
    .map((id) => known.get(id)?.intent)
    .filter((intent) => intent !== undefined)
    .filter(({ state }) => state === 'done' || state === 'failed')
}

function render({ text, state }: Intent): string {
  return `Your intent “${shorten(text)}” ${state === 'done' ? 'is done' : 'has failed'}.`
}
