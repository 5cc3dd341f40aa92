import { useState } from 'react'

const LONG_CHARACTERS = 420
const LONG_LINES = 6

/** The whole text is always in the document; a long one is folded until asked for. */
export function LongText({ text }: { text: string }) {
  const [open, setOpen] = useState(false)
  const long = text.length > LONG_CHARACTERS || text.split('\n').length > LONG_LINES
  return (
    <>
      <p className={long && !open ? 'long-text long-text-folded' : 'long-text'}>{text}</p>
      {long && (
        <button type="button" className="link-button" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? 'Show less' : 'Show all'}
        </button>
      )}
    </>
  )
}
