import { useEffect, useState, useSyncExternalStore } from 'react'
import { removeIntent, sendIntent } from '../intents/commands'
import { type Action, reduce } from '../intents/reducer'
import { type DashboardState, type Filter, INITIAL } from '../intents/state'
import { type Connection, type ConnectionEvent, reduceConnection, UNCONNECTED } from './connection'
import { createStore, type Store } from './store'
import { Sync } from './sync'

export interface DashboardCommands {
  readonly send: (text: string) => void
  readonly resend: (key: string, text: string) => void
  readonly discard: (key: string) => void
  readonly remove: (id: string) => void
  readonly choose: (filter: Filter) => void
  readonly showMore: () => void
  readonly wake: () => void
}

interface Session {
  readonly dashboard: Store<DashboardState, Action>
  readonly connection: Store<Connection, ConnectionEvent>
  readonly sync: Sync
  readonly commands: DashboardCommands
}

export function useDashboard(): {
  state: DashboardState
  connection: Connection
  commands: DashboardCommands
} {
  const [{ dashboard, connection, sync, commands }] = useState(createSession)
  useEffect(() => {
    sync.start()
    return () => sync.stop()
  }, [sync])
  return {
    state: useSyncExternalStore(dashboard.subscribe, dashboard.get),
    connection: useSyncExternalStore(connection.subscribe, connection.get),
    commands,
  }
}

function createSession(): Session {
  const dashboard = createStore(reduce, INITIAL)
  const connection = createStore(reduceConnection, UNCONNECTED)
  const sync = new Sync(liveUrl(window.location), dashboard, connection)
  return { dashboard, connection, sync, commands: bindCommands(dashboard, sync) }
}

function bindCommands(dashboard: Store<DashboardState, Action>, sync: Sync): DashboardCommands {
  let drafts = 0
  // What one request meets, the connection may not have noticed yet.
  const checkUnless = (worked: boolean) => worked || sync.wake()
  return {
    send: (text) => {
      drafts += 1
      void sendIntent(dashboard, `draft-${drafts}`, text).then(checkUnless)
    },
    resend: (key, text) => void sendIntent(dashboard, key, text).then(checkUnless),
    discard: (key) => dashboard.dispatch({ type: 'draft-dropped', key }),
    remove: (id) => void removeIntent(dashboard, id).then(checkUnless),
    choose: (filter) => dashboard.dispatch({ type: 'filter-chosen', filter }),
    showMore: () => dashboard.dispatch({ type: 'more-wanted' }),
    wake: sync.wake,
  }
}

function liveUrl({ protocol, host }: Location): string {
  return `${protocol === 'https:' ? 'wss' : 'ws'}://${host}/ws`
}
