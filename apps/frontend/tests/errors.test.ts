import { describe, expect, it } from 'vitest'
import { createIntent, deleteIntent, readPage } from '../src/intents/api'
import { explain, isUncertain } from '../src/intents/errors'
import { findFault } from '../src/intents/validate'
import { counts } from './intents'
import { stubApi } from './server'

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => expect.unreachable('the request should have failed'),
    (error: unknown) => error,
  )
}

async function explanation(
  answer: { status?: number; body?: unknown } | Error | DOMException,
): Promise<string> {
  stubApi({ POST: answer })
  return explain(await failureOf(createIntent('x')))
}

describe('what a person reads', () => {
  it.each([
    [/database is not available/, { status: 503, body: { detail: 'the database is unavailable' } }],
    [/did not accept this: String too long/, { status: 422, body: { detail: [{ msg: 'String too long' }] } }],
    [/did not accept this: no/, { status: 400, body: { detail: 'no' } }],
    [/did not accept this \(400\)/, { status: 400, body: [] }],
    [/too many requests.*try again/, { status: 429, body: 'slow down' }],
    [/server failed \(500\)/, { status: 500, body: 'boom' }],
    [/does not understand/, { status: 201, body: { id: 7 } }],
    [/cannot be reached/, new TypeError('Failed to fetch')],
    [/too long to answer/, new DOMException('', 'TimeoutError')],
  ])('%s', async (sentence, answer) => {
    expect(await explanation(answer)).toMatch(sentence)
  })

  it('survives an error page that is not JSON', async () => {
    const fetch = stubApi({ GET: { status: 502, body: null } })
    fetch.mockResolvedValueOnce(new Response('<html>Bad Gateway</html>', { status: 502 }))
    expect(explain(await failureOf(readPage({ limit: 1 })))).toMatch(/restarting/)
  })
})

it('knows when nobody can tell whether a request had its effect', async () => {
  stubApi({ POST: new TypeError('Failed to fetch') })
  expect(isUncertain(await failureOf(createIntent('x')))).toBe(true)
  stubApi({ POST: { status: 503, body: {} } })
  expect(isUncertain(await failureOf(createIntent('x')))).toBe(false)
})

it('counts an intent that is already gone as deleted', async () => {
  stubApi({ DELETE: { status: 404, body: { detail: 'no such intent' } } })
  await expect(deleteIntent('a')).resolves.toBeUndefined()
})

it('asks for a page by state and cursor', async () => {
  const fetch = stubApi({ GET: { body: { items: [], counts: counts() } } })
  await readPage({ limit: 20, state: 'failed', before: '2026-01-05T09:00:00+00:00' })
  const url = new URL(String(fetch.mock.calls[0]?.[0]), 'http://dashboard.test')
  expect(Object.fromEntries(url.searchParams)).toEqual({
    limit: '20',
    state: 'failed',
    before: '2026-01-05T09:00:00+00:00',
  })
})

describe('findFault', () => {
  it.each([
    ['', /Write what/],
    [' \n ', /Write what/],
    ['a\0b', /cannot be stored/],
    ['x'.repeat(2001), /by 1 character\./],
    ['x'.repeat(2010), /by 10 characters/],
  ])('refuses %j', (text, sentence) => {
    expect(findFault(text)).toMatch(sentence)
  })

  it.each(['x', 'x'.repeat(2000), '🌊'.repeat(2000), `  ${'x'.repeat(2000)}  `])('accepts %j', (text) => {
    expect(findFault(text)).toBeNull()
  })
})
