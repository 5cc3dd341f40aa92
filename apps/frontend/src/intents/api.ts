import { parseIntent, parseJson, parsePage, UnexpectedAnswer } from './decode'
import { Refused } from './errors'
import type { Intent, Page, PageQuery } from './types'

const INTENTS = '/api/intents'
const TIMEOUT_MS = 10_000

export async function readPage(query: PageQuery): Promise<Page> {
  const parameters = new URLSearchParams({ limit: String(query.limit) })
  if (query.state) parameters.set('state', query.state)
  if (query.before) parameters.set('before', query.before)
  return parsePage(parseJson(await request(`${INTENTS}?${parameters}`)))
}

export async function createIntent(text: string): Promise<Intent> {
  const body = JSON.stringify({ text })
  const headers = { 'Content-Type': 'application/json' }
  return parseIntent(parseJson(await request(INTENTS, { method: 'POST', headers, body })))
}

/** An intent that is already gone counts as deleted. */
export async function deleteIntent(id: string): Promise<void> {
  try {
    await request(`${INTENTS}/${encodeURIComponent(id)}`, { method: 'DELETE' })
  } catch (error) {
    if (!(error instanceof Refused && error.status === 404)) throw error
  }
}

async function request(url: string, init: RequestInit = {}): Promise<string> {
  const headers = { Accept: 'application/json', ...init.headers }
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  const response = await fetch(url, { ...init, headers, signal, cache: 'no-store' })
  const body = await response.text()
  if (!response.ok) throw new Refused(response.status, parseDetail(body))
  return body
}

/** FastAPI's `detail`: a sentence, or a list of what is wrong with which field. */
function parseDetail(body: string): string | null {
  try {
    const { detail } = parseJson(body) as { detail?: unknown }
    if (typeof detail === 'string') return detail
    if (Array.isArray(detail)) return detail.map((each: { msg?: unknown }) => String(each.msg)).join('; ')
    return null
  } catch (error) {
    if (error instanceof UnexpectedAnswer || error instanceof TypeError) return null
    throw error
  }
}
