import type { ReactNode } from 'react'
import type { IntentState } from '../intents/types'

function Icon({ children, className = 'icon' }: { children: ReactNode; className?: string }) {
  return (
    <svg className={className} viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      {children}
    </svg>
  )
}

export function Logo() {
  return (
    <svg className="logo" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect className="logo-ground" width="32" height="32" rx="9" />
      <path className="logo-wave" d="M15.2 10.6a7.6 7.6 0 0 1 0 10.8" />
      <path className="logo-wave logo-wave-far" d="M19.4 6.8a13 13 0 0 1 0 18.4" />
      <circle className="logo-source" cx="10" cy="16" r="2.8" />
    </svg>
  )
}

const STATE_PATHS: Record<IntentState, ReactNode> = {
  pending: (
    <>
      <circle cx="10" cy="10" r="7" strokeDasharray="2.6 2.9" />
      <circle className="solid" cx="10" cy="10" r="1.6" />
    </>
  ),
  processing: (
    <>
      <circle className="faint" cx="10" cy="10" r="7" />
      <path className="spin" d="M10 3a7 7 0 0 1 7 7" />
    </>
  ),
  done: (
    <>
      <circle cx="10" cy="10" r="7" />
      <path d="m6.9 10.2 2.2 2.2 4.1-4.6" />
    </>
  ),
  failed: (
    <>
      <circle cx="10" cy="10" r="7" />
      <path d="M10 6.6v4.1" />
      <circle className="solid" cx="10" cy="13.3" r="1" />
    </>
  ),
}

export function StateIcon({ state }: { state: IntentState }) {
  return <Icon className={`icon state-icon state-${state}`}>{STATE_PATHS[state]}</Icon>
}

export function TrashIcon() {
  return (
    <Icon>
      <path d="M4 5.8h12M8 5.6V4.2c0-.4.3-.7.7-.7h2.6c.4 0 .7.3.7.7v1.4M5.6 6l.7 9.2c0 .7.6 1.3 1.4 1.3h4.6c.8 0 1.4-.6 1.4-1.3l.7-9.2M8.5 9v4.4M11.5 9v4.4" />
    </Icon>
  )
}

export function ArrowIcon() {
  return (
    <Icon>
      <path d="M10 16V4.5M5.2 9.2 10 4.4l4.8 4.8" />
    </Icon>
  )
}

export function RepeatIcon() {
  return (
    <Icon>
      <path d="M15.6 8.2A6 6 0 1 0 16 11.4M16 4.2v4.2h-4.2" />
    </Icon>
  )
}
