const LEAST_MS = 200
const FIRST_MS = 1_500
const LONGEST_MS = 15_000

/**
 * How long to wait before the next attempt. A release closes every page at one instant; the jitter spreads their return.
 */
export function chooseDelay(attempt: number, random: () => number = Math.random): number {
  return LEAST_MS + random() * Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt)
}
