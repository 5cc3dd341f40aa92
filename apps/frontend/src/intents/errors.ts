import { UnexpectedAnswer } from './decode'

/** The server answered, and said no. */
export class Refused extends Error {
  readonly status: number
  readonly detail: string | null

  constructor(status: number, detail: string | null) {
    super(`${status} ${detail ?? ''}`)
    this.status = status
    this.detail = detail
  }
}

const LATER = 'Please try again in a moment.'

const CAUSES: Record<number, string> = {
  404: 'It no longer exists on the server.',
  413: 'That is more text than the server accepts.',
  429: 'The server receives too many requests.',
  502: 'The service is restarting.',
  503: 'The database is not available right now.',
  504: 'The service took too long to answer.',
}

/** What went wrong, in a sentence for the person who reads it. */
export function describeCause(error: unknown): string {
  if (error instanceof Refused) return describeRefusal(error)
  if (error instanceof UnexpectedAnswer)
    return 'The server sent an answer that this page does not understand.'
  if (isTimeout(error)) return 'The server took too long to answer.'
  return 'The server cannot be reached.'
}

/** What went wrong, and what to do. */
export function explain(error: unknown): string {
  const advice = chooseAdvice(error)
  return advice ? `${describeCause(error)} ${advice}` : describeCause(error)
}

/** Without an answer, nobody knows whether a request had its effect. */
export function isUncertain(error: unknown): boolean {
  return !(error instanceof Refused) || error.status === 502 || error.status === 504
}

function chooseAdvice(error: unknown): string | null {
  if (error instanceof Refused) return error.status === 429 || error.status >= 500 ? LATER : null
  if (error instanceof UnexpectedAnswer) return 'Reloading the page may help.'
  return isTimeout(error) ? null : 'Please check your connection.'
}

function describeRefusal({ status, detail }: Refused): string {
  const cause = CAUSES[status]
  if (cause) return cause
  if (status >= 500) return `The server failed (${status}).`
  return detail ? `The server did not accept this: ${detail}.` : `The server did not accept this (${status}).`
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError'
}
