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

const SENTENCES: Record<number, string> = {
  404: 'It no longer exists on the server.',
  413: 'That is more text than the server accepts.',
  429: 'Too many requests at once. Please wait a moment and try again.',
  502: 'The service is restarting. Please try again in a moment.',
  503: 'The database is not available right now. Please try again in a moment.',
  504: 'The service took too long to answer. Please try again in a moment.',
}

/** What went wrong and what to do, in a sentence for the person who reads it. */
export function explain(error: unknown): string {
  if (error instanceof Refused) return explainRefusal(error)
  if (error instanceof UnexpectedAnswer)
    return 'The server sent an answer that this page does not understand. Reloading the page may help.'
  if (isTimeout(error)) return 'The server took too long to answer.'
  return 'The server cannot be reached. Please check your connection.'
}

/** Without an answer, nobody knows whether a request had its effect. */
export function isUncertain(error: unknown): boolean {
  return !(error instanceof Refused) || error.status === 502 || error.status === 504
}

function explainRefusal({ status, detail }: Refused): string {
  const sentence = SENTENCES[status]
  if (sentence) return sentence
  if (status >= 500) return `The server failed (${status}). Please try again in a moment.`
  return detail ? `The server did not accept this: ${detail}.` : `The server did not accept this (${status}).`
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError'
}
