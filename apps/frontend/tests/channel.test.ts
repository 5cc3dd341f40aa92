import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { chooseDelay } from '../src/live/backoff'
import { LiveChannel } from '../src/live/channel'
import { changed, intent, snapshot } from './intents'
import { FakeSocket, stubSocket } from './server'

const LONGEST_FIRST_WAIT_MS = 1_700
const LONGEST_WAIT_MS = 15_200

describe('chooseDelay', () => {
  it('grows, up to a limit', () => {
    const longest = [0, 1, 2, 3, 9].map((attempt) => chooseDelay(attempt, () => 1))
    expect(longest).toEqual([LONGEST_FIRST_WAIT_MS, 3_200, 6_200, 12_200, LONGEST_WAIT_MS])
  })

  it('spreads the pages of a release over more than a second', () => {
    expect(chooseDelay(0, () => 1) - chooseDelay(0, () => 0)).toBeGreaterThan(1_000)
  })
})

describe('LiveChannel', () => {
  const events = { onMessage: vi.fn(), onUp: vi.fn(), onDown: vi.fn() }
  let channel: LiveChannel

  beforeEach(() => {
    vi.useFakeTimers()
    stubSocket()
    vi.clearAllMocks()
    channel = new LiveChannel('ws://dashboard.test/ws', events)
    channel.open()
  })

  afterEach(() => {
    channel.close()
    vi.useRealTimers()
  })

  it('is up from the first snapshot', () => {
    expect(events.onUp).not.toHaveBeenCalled()
    FakeSocket.latest.say(snapshot([]))
    FakeSocket.latest.say(snapshot([]))
    expect(events.onUp).toHaveBeenCalledTimes(1)
  })

  it.each([1001, 1006, 1012])('comes back after a close with %i', (code) => {
    FakeSocket.latest.say(snapshot([]))
    FakeSocket.latest.drop(code)
    expect(events.onDown).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(LONGEST_FIRST_WAIT_MS)
    expect(FakeSocket.opened).toHaveLength(2)
  })

  it('waits longer and longer while the server stays away', () => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    for (const wait of [1_700, 3_200, 6_200]) {
      const tries = FakeSocket.opened.length
      FakeSocket.latest.drop()
      vi.advanceTimersByTime(wait - 1)
      expect(FakeSocket.opened).toHaveLength(tries)
      vi.advanceTimersByTime(1)
      expect(FakeSocket.opened).toHaveLength(tries + 1)
    }
  })

  it('is quick again after a success', () => {
    vi.spyOn(Math, 'random').mockReturnValue(1)
    for (const wait of [1_700, 3_200, 6_200]) {
      FakeSocket.latest.drop()
      vi.advanceTimersByTime(wait)
    }
    FakeSocket.latest.say(snapshot([]))
    FakeSocket.latest.drop()
    vi.advanceTimersByTime(LONGEST_FIRST_WAIT_MS)
    expect(FakeSocket.opened).toHaveLength(5)
  })

  it('gives up on a socket that never sends its snapshot', () => {
    const silent = FakeSocket.latest
    vi.advanceTimersByTime(10_000 + LONGEST_FIRST_WAIT_MS)
    expect(silent.closed).toBe(true)
    expect(FakeSocket.opened).toHaveLength(2)
  })

  it('starts afresh after a message that it does not understand', () => {
    FakeSocket.latest.say(snapshot([]))
    FakeSocket.latest.say({ ...changed(intent(1)), intent: { id: 1 } })
    expect(events.onDown).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(LONGEST_FIRST_WAIT_MS)
    expect(FakeSocket.opened).toHaveLength(2)
  })

  it('passes over a type that a newer server may send', () => {
    FakeSocket.latest.say(snapshot([]))
    FakeSocket.latest.say({ type: 'weather', sky: 'blue' })
    expect(events.onDown).not.toHaveBeenCalled()
  })

  it('stays closed once closed', () => {
    const socket = FakeSocket.latest
    channel.close()
    socket.drop()
    vi.advanceTimersByTime(60_000)
    expect(FakeSocket.opened).toHaveLength(1)
  })
})
