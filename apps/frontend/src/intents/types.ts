export const STATES = ['pending', 'processing', 'done', 'failed'] as const

export type IntentState = (typeof STATES)[number]

export interface Intent {
  readonly id: string
  readonly text: string
  readonly state: IntentState
  readonly result: string | null
  readonly error: string | null
  readonly attempts: number
  readonly created_at: string
  readonly updated_at: string
}

export type Counts = Readonly<Record<IntentState, number>>

/** Newest first. */
export interface Page {
  readonly items: readonly Intent[]
  readonly counts: Counts
}

export interface PageQuery {
  readonly state?: IntentState
  readonly limit: number
  /** The `created_at` of the last intent of the previous page. */
  readonly before?: string
}

export type LiveMessage =
  | ({ readonly type: 'snapshot' } & Page)
  | { readonly type: 'changed'; readonly intent: Intent; readonly counts: Counts }
  | { readonly type: 'deleted'; readonly id: string; readonly counts: Counts }
