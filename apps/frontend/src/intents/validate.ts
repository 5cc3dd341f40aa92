export const TEXT_MAX_LENGTH = 2000

/** Unicode code points, as the server counts them. */
export function measure(text: string): number {
  return [...text.trim()].length
}

/** Why the text cannot be sent, or `null`. */
export function findFault(text: string): string | null {
  const length = measure(text)
  if (length === 0) return 'Write what you want to happen first.'
  if (text.includes('\0')) return 'The text contains a character that cannot be stored.'
  const excess = length - TEXT_MAX_LENGTH
  if (excess <= 0) return null
  return `Please shorten the text by ${excess} ${excess === 1 ? 'character' : 'characters'}.`
}
