import { act, render, screen, waitFor, within } from '@testing-library/react'
import userEvent from '@testing-library/user-event'
import axe from 'axe-core'
import { beforeEach, describe, expect, it } from 'vitest'
import { App } from '../src/App'
import { changed, counts, intent, intents, snapshot } from './intents'
import { FakeSocket, stubApi, stubSocket } from './server'

type Answers = Parameters<typeof stubApi>[0]

beforeEach(() => void stubSocket())

function open(answers: Answers = {}) {
  const fetch = stubApi({ GET: 'never', ...answers })
  return { fetch, user: userEvent.setup(), ...render(<App />) }
}

function openLive(items = [intent(1)], answers: Answers = {}, numbers = counts({ pending: items.length })) {
  const opened = open(answers)
  hear(snapshot(items, numbers))
  return opened
}

function hear(message: Parameters<FakeSocket['say']>[0]) {
  act(() => FakeSocket.latest.say(message))
}

const rows = () => screen.queryAllByTestId('intent-row')
const connection = () => screen.getByTestId('connection')
const input = () => screen.getByRole('textbox', { name: 'What should happen next?' })
const submit = () => screen.getByRole('button', { name: 'Send' })

async function expectAccessible(container: HTMLElement) {
  // jsdom has no layout, from which colours could be told.
  const { violations } = await axe.run(container, { rules: { 'color-contrast': { enabled: false } } })
  expect(violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)])).toEqual([])
}

describe('the list', () => {
  it('does not claim zeros before it knows', () => {
    open()
    expect(screen.getByTestId('count-done')).toHaveTextContent('–')
    expect(connection()).toHaveAttribute('data-connected', 'false')
    expect(screen.getByTestId('intents-loading')).toBeInTheDocument()
  })

  it('shows intents, counters and the live connection', () => {
    openLive(
      [intent(2, { state: 'done', result: 'forty-two' }), intent(1)],
      {},
      counts({ pending: 1, done: 1 }),
    )
    expect(rows().map((row) => row.dataset.state)).toEqual(['done', 'pending'])
    expect(screen.getByTestId('intent-result')).toHaveTextContent('forty-two')
    expect(screen.getByTestId('count-done')).toHaveTextContent('1')
    expect(connection()).toHaveAttribute('data-connected', 'true')
  })

  it('follows an intent to its end', () => {
    openLive([intent(1)])
    hear(changed(intent(1, { state: 'failed', error: 'overloaded', attempts: 3 }), counts({ failed: 1 })))
    const [row] = rows()
    expect(row).toHaveAttribute('data-state', 'failed')
    expect(row).toHaveTextContent('overloaded')
    expect(row).toHaveTextContent('3 attempts')
  })

  it('shows one state at a time', async () => {
    const done = intent(2, { state: 'done' })
    const { user } = openLive([done, intent(1)], {}, counts({ pending: 1, done: 1 }))
    await user.click(screen.getByRole('button', { name: /Done/, pressed: false }))
    expect(rows().map((row) => row.dataset.state)).toEqual(['done'])
    await user.click(screen.getByRole('button', { name: 'Show all' }))
    expect(rows()).toHaveLength(2)
  })

  it('fetches older intents on request', async () => {
    const numbers = counts({ pending: 60 })
    const answer = (url: URL) =>
      url.searchParams.has('before')
        ? { body: { items: intents(10, 1), counts: numbers } }
        : ('never' as const)
    const { user } = openLive(intents(60, 11), { GET: answer }, numbers)
    expect(rows()).toHaveLength(50)
    await user.click(screen.getByTestId('intents-older'))
    await waitFor(() => expect(rows()).toHaveLength(60))
    expect(screen.queryByTestId('intents-older')).not.toBeInTheDocument()
  })
})

describe('creating', () => {
  it('says what is missing and sends nothing', async () => {
    const { user, fetch } = openLive()
    await user.type(input(), '   ')
    await user.click(submit())
    expect(screen.getByTestId('intent-fault')).toHaveTextContent('Write what you want')
    expect(input()).toBeInvalid()
    expect(input()).toHaveFocus()
    expect(fetch.mock.calls.filter(([, init]) => init?.method === 'POST')).toEqual([])
  })

  it('warns while a text is too long', async () => {
    const { user } = openLive()
    await user.click(input())
    await user.paste('x'.repeat(2003))
    expect(screen.getByTestId('intent-fault')).toHaveTextContent('shorten the text by 3 characters')
  })

  it('marks a text as on its way, then as stored', async () => {
    const { user } = openLive([], { POST: 'never' })
    await user.type(input(), 'intent 1{Control>}{Enter}')
    expect(screen.getByTestId('intent-draft')).toHaveTextContent('Sending…')
    expect(screen.getByTestId('count-pending')).toHaveTextContent('0')
    hear(changed(intent(1), counts({ pending: 1 })))
    expect(screen.queryByTestId('intent-draft')).not.toBeInTheDocument()
    expect(rows()).toHaveLength(1)
    expect(screen.getByTestId('count-pending')).toHaveTextContent('1')
  })

  it('keeps a refused text and sends it again', async () => {
    const answers: Answers = { POST: { status: 503, body: { detail: 'the database is unavailable' } } }
    const { user } = openLive([], answers)
    await user.type(input(), ' intent 1 ')
    await user.click(submit())
    const draft = await screen.findByText('Not sent.')
    expect(draft.closest('[role=alert]')).toHaveTextContent('database is not available')
    stubApi({ POST: (_, body) => ({ status: 201, body: intent(1, body as { text: string }) }) })
    await user.click(screen.getByRole('button', { name: 'Send again' }))
    await waitFor(() => expect(rows()).toHaveLength(1))
    expect(rows()[0]).toHaveTextContent('intent 1')
    expect(screen.queryByTestId('intent-draft')).not.toBeInTheDocument()
  })

  it('doubts the live connection after a failure', async () => {
    const down = { status: 503, body: { detail: 'the database is unavailable' } }
    const { user } = openLive()
    stubApi({ GET: down, POST: down })
    await user.type(input(), 'x')
    expect(connection()).toHaveAttribute('data-phase', 'live')
    await user.click(submit())
    await waitFor(() => expect(connection()).toHaveAttribute('data-phase', 'offline'))
  })

  it('admits that a text may have been saved when no answer came', async () => {
    const { user } = openLive([], { POST: new TypeError('Failed to fetch') })
    await user.type(input(), 'x')
    await user.click(submit())
    expect(await screen.findByText(/may have been saved all the same/)).toBeInTheDocument()
  })

  it('gives an unsent text back for editing', async () => {
    const { user } = openLive([], { POST: { status: 422, body: { detail: [{ msg: 'bad' }] } } })
    await user.type(input(), 'first try')
    await user.click(submit())
    await user.click(await screen.findByRole('button', { name: 'Edit' }))
    expect(input()).toHaveValue('first try')
    expect(input()).toHaveFocus()
  })

  it('announces the end of one’s own intent, not of others’', async () => {
    const { user } = openLive([intent(1)], { POST: { status: 201, body: intent(2) } })
    await user.type(input(), 'intent 2')
    await user.click(submit())
    await waitFor(() => expect(rows()).toHaveLength(2))
    hear(changed(intent(1, { state: 'done' })))
    expect(screen.getByTestId('announcer')).toBeEmptyDOMElement()
    hear(changed(intent(2, { state: 'done' })))
    expect(screen.getByTestId('announcer')).toHaveTextContent('“intent 2” is done')
  })
})

describe('deleting', () => {
  it('asks first, and Escape leads back', async () => {
    const { user, fetch } = openLive()
    const opener = screen.getByRole('button', { name: 'Delete: intent 1' })
    await user.click(opener)
    expect(screen.getByTestId('intent-delete-confirm')).toHaveFocus()
    await user.keyboard('{Escape}')
    expect(opener).toHaveFocus()
    expect(fetch.mock.calls.filter(([, init]) => init?.method === 'DELETE')).toEqual([])
  })

  it('removes the row when the server has confirmed', async () => {
    const { user } = openLive([intent(1)], { DELETE: { status: 204 } })
    await user.click(screen.getByTestId('intent-delete'))
    await user.click(screen.getByTestId('intent-delete-confirm'))
    await waitFor(() => expect(rows()).toEqual([]))
    expect(screen.getByRole('heading', { name: 'Intents' })).toHaveFocus()
    expect(screen.getByTestId('count-pending')).toHaveTextContent('0')
  })

  it('keeps the row and says why when it failed', async () => {
    const { user } = openLive([intent(1)], { DELETE: { status: 503, body: {} } })
    await user.click(screen.getByTestId('intent-delete'))
    await user.click(screen.getByTestId('intent-delete-confirm'))
    const alert = await screen.findByText(/Not deleted\. The database is not available/)
    expect(within(rows()[0] as HTMLElement).getByText(alert.textContent)).toBe(alert)
  })
})

describe('accessibility', () => {
  it('has no violations while loading, empty, full or asking', async () => {
    const { container, user } = open()
    await expectAccessible(container)
    hear(snapshot([]))
    await expectAccessible(container)
    const long = intent(2, { state: 'done', result: 'line\n'.repeat(20) })
    hear(snapshot([intent(3, { state: 'failed', error: 'no' }), long, intent(1)]))
    await user.click(screen.getAllByTestId('intent-delete')[0] as HTMLElement)
    await expectAccessible(container)
  })

  it('has no violations with faults on the page', async () => {
    const { container, user } = openLive([], { POST: { status: 503, body: {} } })
    await user.type(input(), 'x')
    await user.click(submit())
    await screen.findByText('Not sent.')
    await user.click(submit())
    await expectAccessible(container)
  })
})
