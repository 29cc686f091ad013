/** The p-th percentile (0 … 1) by the nearest rank; NaN for nothing. */
export function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(p * sorted.length) - 1)] ?? NaN
}

/** Delay of each heard moment from the newest spoken one before it; those without one are left out. */
export function delays(spoken: readonly number[], heard: readonly number[], longest: number): number[] {
  return heard.flatMap((moment) => {
    const mouth = spoken.findLast((said) => said < moment)
    return mouth !== undefined && moment - mouth < longest ? [moment - mouth] : []
  })
}
