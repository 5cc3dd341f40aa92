import { vi } from 'vitest'
import type { LiveMessage } from '../src/intents/types'

/** A WebSocket whose other end is the test. */
export class FakeSocket {
  static opened: FakeSocket[] = []
  onmessage: ((event: MessageEvent) => void) | null = null
  onclose: ((event: CloseEvent) => void) | null = null
  closed = false
  readonly url: string

  constructor(url: string) {
    this.url = url
    FakeSocket.opened.push(this)
  }

  static get latest(): FakeSocket {
    const socket = FakeSocket.opened.at(-1)
    if (!socket) throw new Error('no socket was opened')
    return socket
  }

  say(message: LiveMessage | object): void {
    this.onmessage?.(new MessageEvent('message', { data: JSON.stringify(message) }))
  }

  drop(code = 1006): void {
    this.onclose?.(new CloseEvent('close', { code }))
  }

  close(): void {
    this.closed = true
  }
}

export function stubSocket(): typeof FakeSocket {
  FakeSocket.opened = []
  vi.stubGlobal('WebSocket', FakeSocket)
  return FakeSocket
}

type Answer = { status?: number; body?: unknown } | Error | DOMException | 'never'

/** Answers by method; a function sees the address and the body. */
export function stubApi(answers: Record<string, Answer | ((url: URL, body: unknown) => Answer)>) {
  const fetch = vi.fn(async (address: string, init: RequestInit = {}) => {
    const given = answers[init.method ?? 'GET']
    const url = new URL(address, 'http://dashboard.test')
    const answer =
      typeof given === 'function' ? given(url, init.body ? JSON.parse(String(init.body)) : null) : given
    if (answer === 'never' || answer === undefined) return new Promise<Response>(() => undefined)
    if (answer instanceof Error || answer instanceof DOMException) throw answer
    const status = answer.status ?? 200
    const body = status === 204 ? null : JSON.stringify(answer.body)
    return new Response(body, { status })
  })
  vi.stubGlobal('fetch', fetch)
  return fetch
}
