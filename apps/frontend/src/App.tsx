import { useRef, useState } from 'react'
import { chooseVisible, hasOlder } from './intents/state'
import { useDashboard } from './live/useDashboard'
import { Announcer } from './view/Announcer'
import { Composer } from './view/Composer'
import { Counters } from './view/Counters'
import { DraftRow } from './view/DraftRow'
import { Header } from './view/Header'
import { IntentList } from './view/IntentList'
import { StaleNotice } from './view/StaleNotice'

export function App() {
  const { state, connection, commands } = useDashboard()
  const [text, setText] = useState('')
  const composer = useRef<HTMLTextAreaElement>(null)
  const visible = chooseVisible(state)

  function send(sent: string) {
    if (state.filter !== 'all') commands.choose('all')
    commands.send(sent)
    setText('')
  }

  function edit(key: string, unsent: string) {
    commands.discard(key)
    setText((current) => (current ? `${current}\n${unsent}` : unsent))
    composer.current?.focus()
  }

  const drafts = state.drafts.filter(({ arrivedAs }) => arrivedAs === null)
  return (
    <div className="page">
      <a className="skip" href="#intents">
        Skip to the intents
      </a>
      <Header connection={connection} />
      <main>
        <Composer ref={composer} text={text} onChange={setText} onSend={send} />
        <StaleNotice connection={connection} empty={state.counts === null} onRetry={commands.wake} />
        <Counters counts={state.counts} filter={state.filter} onChoose={commands.choose} />
        <IntentList
          intents={visible}
          counts={state.counts}
          filter={state.filter}
          deletions={state.deletions}
          older={state.older}
          hasOlder={hasOlder(state, visible)}
          commands={commands}
        >
          {drafts.map((draft) => (
            <DraftRow
              key={draft.key}
              draft={draft}
              onResend={() => commands.resend(draft.key, draft.text)}
              onEdit={() => edit(draft.key, draft.text)}
              onDiscard={() => commands.discard(draft.key)}
            />
          ))}
        </IntentList>
      </main>
      <Announcer state={state} />
    </div>
  )
}
