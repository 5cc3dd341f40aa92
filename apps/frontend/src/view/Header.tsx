import type { Connection } from '../live/connection'
import { ConnectionIndicator } from './ConnectionIndicator'
import { Logo } from './Icons'

export function Header({ connection }: { connection: Connection }) {
  return (
    <header className="header">
      <div className="brand">
        <Logo />
        <h1>
          Resonant <span>Dashboard</span>
        </h1>
      </div>
      <ConnectionIndicator connection={connection} />
    </header>
  )
}
