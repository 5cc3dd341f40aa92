import { readPage } from '../intents/api'
import { describeCause, explain } from '../intents/errors'
import type { Action } from '../intents/reducer'
import { chooseVisible, type DashboardState, hasOlder, PAGE_SIZE } from '../intents/state'
import type { LiveMessage, Page, PageQuery } from '../intents/types'
import { LiveChannel } from './channel'
import type { Connection, ConnectionEvent } from './connection'
import type { Store } from './store'

const LONGEST_PAGE = 200
const POLL_MS = 5_000
const GRACE_MS = 2_000
/** A live connection this silent is checked by a plain request. */
const SILENCE_MS = 60_000

/** Keeps the dashboard true: by live updates, or by asking again and again while there are none. */
export class Sync {
  private readonly dashboard: Store<DashboardState, Action>
  private readonly connection: Store<Connection, ConnectionEvent>
  private readonly channel: LiveChannel
  private timer: ReturnType<typeof setTimeout> | undefined
  private unsubscribe: () => void = () => undefined

  constructor(
    url: string,
    dashboard: Store<DashboardState, Action>,
    connection: Store<Connection, ConnectionEvent>,
  ) {
    this.dashboard = dashboard
    this.connection = connection
    this.channel = new LiveChannel(url, {
      onMessage: this.take,
      onUp: () => this.connection.dispatch({ type: 'up', at: Date.now() }),
      onDown: this.comeDown,
    })
  }

  start(): void {
    this.unsubscribe = this.dashboard.subscribe(this.fill)
    document.addEventListener('visibilitychange', this.wake)
    window.addEventListener('online', this.wake)
    this.channel.open()
    void this.ask()
  }

  stop(): void {
    this.unsubscribe()
    document.removeEventListener('visibilitychange', this.wake)
    window.removeEventListener('online', this.wake)
    clearTimeout(this.timer)
    this.channel.close()
  }

  /** Now, not at the next turn. */
  readonly wake = (): void => {
    if (document.hidden) return
    if (!this.connection.get().live) this.channel.reconnect()
    void this.ask()
  }

  private readonly take = (message: LiveMessage): void => {
    this.dashboard.dispatch({ type: 'heard', message })
    this.askIn(SILENCE_MS)
  }

  private readonly comeDown = (): void => {
    const wasLive = this.connection.get().live
    this.connection.dispatch({ type: 'down', at: Date.now() })
    if (wasLive) this.askIn(GRACE_MS)
  }

  private askIn(delayMs: number): void {
    clearTimeout(this.timer)
    this.timer = setTimeout(() => void this.ask(), delayMs * (0.8 + Math.random() * 0.4))
  }

  private async ask(): Promise<void> {
    if (document.hidden) return this.askIn(POLL_MS)
    clearTimeout(this.timer)
    const { filter, wanted, clock } = this.dashboard.get()
    const limit = Math.min(LONGEST_PAGE, Math.max(PAGE_SIZE, wanted))
    const query: PageQuery = filter === 'all' ? { limit } : { limit, state: filter }
    try {
      this.settle(query, await readPage(query), clock)
    } catch (error) {
      this.distrust()
      this.connection.dispatch({ type: 'bad-answer', problem: describeCause(error) })
    }
    this.askIn(this.connection.get().live ? SILENCE_MS : POLL_MS)
  }

  private settle(query: PageQuery, page: Page, asOf: number): void {
    const missed = this.dashboard.get().clock === asOf && this.differs(page)
    this.dashboard.dispatch({ type: 'answered', query, page, asOf })
    this.connection.dispatch({ type: 'good-answer', at: Date.now() })
    if (missed) this.distrust()
  }

  private differs({ counts }: Page): boolean {
    const shown = this.dashboard.get().counts
    return shown !== null && JSON.stringify(shown) !== JSON.stringify(counts)
  }

  /** The live connection kept silent about something that it should have told. */
  private distrust(): void {
    if (this.connection.get().live) this.channel.reconnect()
  }

  private readonly fill = (): void => {
    const state = this.dashboard.get()
    const visible = chooseVisible(state)
    if (state.older.busy || state.older.problem || visible.length >= state.wanted) return
    if (hasOlder(state, visible)) void this.askOlder(state, visible.length, visible.at(-1)?.created_at)
  }

  private async askOlder(state: DashboardState, shown: number, before: string | undefined): Promise<void> {
    const limit = Math.min(LONGEST_PAGE, state.wanted - shown)
    const query: PageQuery = {
      limit,
      ...(state.filter === 'all' ? {} : { state: state.filter }),
      ...(before === undefined ? {} : { before }),
    }
    this.dashboard.dispatch({ type: 'older-asked' })
    try {
      const page = await readPage(query)
      this.dashboard.dispatch({ type: 'answered', query, page, asOf: state.clock })
      this.dashboard.dispatch({ type: 'older-finished', problem: null })
    } catch (error) {
      this.dashboard.dispatch({ type: 'older-finished', problem: explain(error) })
    }
  }
}
