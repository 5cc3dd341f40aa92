import { type Counts, type Intent, type IntentState, type LiveMessage, type Page, STATES } from './types'

/** The server sent something else than the contract says. */
export class UnexpectedAnswer extends Error {}

type Fields = Record<string, unknown>

export function parsePage(value: unknown): Page {
  const fields = parseFields(value)
  if (!Array.isArray(fields.items)) throw new UnexpectedAnswer('items is not a list')
  return { items: fields.items.map(parseIntent), counts: parseCounts(fields.counts) }
}

export function parseIntent(value: unknown): Intent {
  const fields = parseFields(value)
  return {
    id: parseText(fields, 'id'),
    text: parseText(fields, 'text'),
    state: parseState(fields.state),
    result: fields.result === null ? null : parseText(fields, 'result'),
    error: fields.error === null ? null : parseText(fields, 'error'),
    attempts: parseNumber(fields, 'attempts'),
    created_at: parseText(fields, 'created_at'),
    updated_at: parseText(fields, 'updated_at'),
  }
}

/** `null` for a type that a newer server may have added. */
export function parseLiveMessage(text: string): LiveMessage | null {
  const fields = parseFields(parseJson(text))
  switch (fields.type) {
    case 'snapshot':
      return { type: 'snapshot', ...parsePage(fields) }
    case 'changed':
      return { type: 'changed', intent: parseIntent(fields.intent), counts: parseCounts(fields.counts) }
    case 'deleted':
      return { type: 'deleted', id: parseText(fields, 'id'), counts: parseCounts(fields.counts) }
    default:
      return null
  }
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UnexpectedAnswer('not JSON', { cause: error })
  }
}

function parseCounts(value: unknown): Counts {
  const fields = parseFields(value)
  return {
    pending: parseNumber(fields, 'pending'),
    processing: parseNumber(fields, 'processing'),
    done: parseNumber(fields, 'done'),
    failed: parseNumber(fields, 'failed'),
  }
}

function parseFields(value: unknown): Fields {
  if (typeof value !== 'object' || value === null) throw new UnexpectedAnswer('not an object')
  return value as Fields
}

function parseText(fields: Fields, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string') throw new UnexpectedAnswer(`${name} is not a text`)
  return value
}

function parseNumber(fields: Fields, name: string): number {
  const value = fields[name]
  if (typeof value !== 'number') throw new UnexpectedAnswer(`${name} is not a number`)
  return value
}

function parseState(value: unknown): IntentState {
  const state = STATES.find((each) => each === value)
  if (!state) throw new UnexpectedAnswer(`unknown state ${String(value)}`)
  return state
}
