import type { Store } from '../live/store'
import { createIntent, deleteIntent } from './api'
import { explain, isUncertain } from './errors'
import type { Action } from './reducer'
import type { DashboardState } from './state'

type Dashboard = Store<DashboardState, Action>

const UNCERTAIN = 'It may have been saved all the same: look for it below before you send it again.'

/** Whether it worked. `key` is the draft's: the same key sends a draft that failed once more. */
export async function sendIntent(dashboard: Dashboard, key: string, text: string): Promise<boolean> {
  const asOf = dashboard.get().clock
  dashboard.dispatch({ type: 'draft-sent', key, text })
  try {
    const intent = await createIntent(text)
    dashboard.dispatch({ type: 'draft-stored', key, intent, asOf })
    return true
  } catch (error) {
    const problem = isUncertain(error) ? `${explain(error)} ${UNCERTAIN}` : explain(error)
    dashboard.dispatch({ type: 'draft-refused', key, problem })
    return false
  }
}

/** Whether it worked. */
export async function removeIntent(dashboard: Dashboard, id: string): Promise<boolean> {
  dashboard.dispatch({ type: 'deletion-started', id })
  try {
    await deleteIntent(id)
    dashboard.dispatch({ type: 'deletion-finished', id })
    return true
  } catch (error) {
    dashboard.dispatch({ type: 'deletion-refused', id, problem: explain(error) })
    return false
  }
}
