/** What is known about the way to the server. */
export interface Connection {
  readonly live: boolean
  /** How the last plain request ended since live updates stopped. */
  readonly answer: 'none' | 'good' | 'bad'
  readonly problem: string | null
  /** When the page was last known to show the truth. */
  readonly heardAt: number | null
}

export type ConnectionEvent =
  | { readonly type: 'up'; readonly at: number }
  | { readonly type: 'down'; readonly at: number }
  | { readonly type: 'good-answer'; readonly at: number }
  | { readonly type: 'bad-answer'; readonly problem: string }

export type Phase = 'connecting' | 'live' | 'reconnecting' | 'polling' | 'offline'

export const UNCONNECTED: Connection = { live: false, answer: 'none', problem: null, heardAt: null }

export function reduceConnection(connection: Connection, event: ConnectionEvent): Connection {
  switch (event.type) {
    case 'up':
      return { live: true, answer: 'none', problem: null, heardAt: event.at }
    case 'down':
      return connection.live ? { ...connection, live: false, answer: 'none', heardAt: event.at } : connection
    case 'good-answer':
      return { ...connection, answer: 'good', problem: null, heardAt: event.at }
    case 'bad-answer':
      return { ...connection, answer: 'bad', problem: event.problem }
  }
}

export function choosePhase({ live, answer, heardAt }: Connection): Phase {
  if (live) return 'live'
  if (answer === 'good') return 'polling'
  if (answer === 'bad') return 'offline'
  return heardAt === null ? 'connecting' : 'reconnecting'
}
