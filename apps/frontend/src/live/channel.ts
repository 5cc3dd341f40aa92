import { parseLiveMessage, UnexpectedAnswer } from '../intents/decode'
import type { LiveMessage } from '../intents/types'
import { chooseDelay } from './backoff'

const SNAPSHOT_DEADLINE_MS = 10_000

export interface ChannelEvents {
  readonly onMessage: (message: LiveMessage) => void
  readonly onUp: () => void
  readonly onDown: () => void
}

/** A WebSocket that comes back by itself. It is up from its first snapshot to its end. */
export class LiveChannel {
  private readonly url: string
  private readonly events: ChannelEvents
  private socket: WebSocket | null = null
  private timer: ReturnType<typeof setTimeout> | undefined
  private attempt = 0
  private up = false

  constructor(url: string, events: ChannelEvents) {
    this.url = url
    this.events = events
  }

  open(): void {
    clearTimeout(this.timer)
    this.socket = this.connect()
    if (this.socket) this.expectSnapshot(this.socket)
    else this.retryLater()
  }

  close(): void {
    clearTimeout(this.timer)
    this.release()
    this.up = false
  }

  /** Do not wait any longer, or do not trust the present connection any longer. */
  reconnect(): void {
    this.close()
    this.events.onDown()
    this.open()
  }

  private connect(): WebSocket | null {
    if (typeof WebSocket === 'undefined') return null
    try {
      return new WebSocket(this.url)
    } catch (error) {
      if (error instanceof DOMException) return null
      throw error
    }
  }

  private expectSnapshot(socket: WebSocket): void {
    socket.onmessage = (event) => this.receive(String(event.data))
    socket.onclose = () => this.fall()
    this.timer = setTimeout(() => this.fall(), SNAPSHOT_DEADLINE_MS)
  }

  private receive(text: string): void {
    const message = this.parse(text)
    if (!message) return
    this.events.onMessage(message)
    if (message.type === 'snapshot' && !this.up) this.rise()
  }

  private parse(text: string): LiveMessage | null {
    try {
      return parseLiveMessage(text)
    } catch (error) {
      if (!(error instanceof UnexpectedAnswer)) throw error
      // Going on after a message that was not understood, the page would be wrong without knowing it.
      this.fall()
      return null
    }
  }

  private rise(): void {
    clearTimeout(this.timer)
    this.up = true
    this.attempt = 0
    this.events.onUp()
  }

  private fall(): void {
    this.close()
    this.events.onDown()
    this.retryLater()
  }

  private retryLater(): void {
    this.timer = setTimeout(() => this.open(), chooseDelay(this.attempt))
    this.attempt += 1
  }

  private release(): void {
    const { socket } = this
    this.socket = null
    if (!socket) return
    socket.onmessage = null
    socket.onclose = null
    socket.close()
  }
}
