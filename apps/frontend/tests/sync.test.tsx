import { act, render, screen } from '@testing-library/react'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { App } from '../src/App'
import { changed, counts, intent, snapshot } from './intents'
import { FakeSocket, stubApi, stubSocket } from './server'

beforeEach(() => {
  vi.useFakeTimers()
  stubSocket()
})

afterEach(() => void vi.useRealTimers())

const page = (...items: ReturnType<typeof intent>[]) => ({
  body: { items, counts: counts({ pending: items.length }) },
})
const rows = () => screen.queryAllByTestId('intent-row')
const phase = () => screen.getByTestId('connection').dataset.phase

async function pass(ms: number) {
  await act(() => vi.advanceTimersByTimeAsync(ms))
}

function hear(message: Parameters<FakeSocket['say']>[0]) {
  act(() => FakeSocket.latest.say(message))
}

async function refuseSockets(ms: number) {
  for (let passed = 0; passed < ms; passed += 500) {
    act(() => FakeSocket.latest.drop())
    await pass(500)
  }
}

describe('without WebSockets', () => {
  it('works by asking again and again', async () => {
    vi.stubGlobal('WebSocket', undefined)
    stubApi({ GET: page(intent(1)) })
    render(<App />)
    await pass(0)
    expect(rows()).toHaveLength(1)
    expect(phase()).toBe('polling')
    stubApi({ GET: page(intent(2), intent(1)) })
    await pass(6_000)
    expect(rows()).toHaveLength(2)
  })

  it('starts asking within seconds of losing a live connection', async () => {
    stubApi({ GET: 'never' })
    render(<App />)
    hear(snapshot([intent(1)]))
    stubApi({ GET: page(intent(2), intent(1)) })
    await refuseSockets(3_000)
    expect(phase()).toBe('polling')
    expect(rows()).toHaveLength(2)
  })

  it('says that it is not connected, why, and since when', async () => {
    stubApi({ GET: page(intent(1)) })
    render(<App />)
    await pass(0)
    stubApi({ GET: { status: 503, body: { detail: 'the database is unavailable' } } })
    await refuseSockets(7_000)
    expect(phase()).toBe('offline')
    expect(screen.getByTestId('stale-notice')).toHaveTextContent(/database is not available.*the state of/)
    expect(rows()).toHaveLength(1)
  })
})

describe('a release', () => {
  it('is survived without a wrong word', async () => {
    stubApi({ GET: 'never' })
    render(<App />)
    hear(snapshot([intent(1)]))
    expect(phase()).toBe('live')
    act(() => FakeSocket.latest.drop(1012))
    expect(phase()).toBe('reconnecting')
    await pass(1_700)
    hear(snapshot([intent(2), intent(1)]))
    expect(phase()).toBe('live')
    expect(rows()).toHaveLength(2)
  })
})

describe('a live connection that went deaf', () => {
  it('is noticed and replaced', async () => {
    stubApi({ GET: 'never' })
    render(<App />)
    hear(snapshot([intent(1)]))
    stubApi({ GET: page(intent(2), intent(1)) })
    const deaf = FakeSocket.latest
    await pass(73_000)
    expect(rows()).toHaveLength(2)
    expect(deaf.closed).toBe(true)
    expect(FakeSocket.latest).not.toBe(deaf)
  })

  it('is trusted as long as it has missed nothing', async () => {
    stubApi({ GET: page(intent(1)) })
    render(<App />)
    hear(snapshot([intent(1)]))
    await pass(150_000)
    hear(changed(intent(1, { state: 'done' }), counts({ done: 1 })))
    expect(FakeSocket.opened).toHaveLength(1)
    expect(phase()).toBe('live')
  })
})

it('leaves nothing running when the page goes', async () => {
  const fetch = stubApi({ GET: page() })
  const { unmount } = render(<App />)
  await pass(0)
  unmount()
  const before = [fetch.mock.calls.length, FakeSocket.opened.length]
  await pass(120_000)
  expect([fetch.mock.calls.length, FakeSocket.opened.length]).toEqual(before)
  expect(FakeSocket.latest.closed).toBe(true)
})
