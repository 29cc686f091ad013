/** Numbers and times as people read them. */

/** `4:05`, `1:02:09`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const two = (value: number): string => String(value).padStart(2, '0')
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** A time in words in the reader's language: `12 min`, `1 hr 5 min`, `40 sec`. */
export function spell(seconds: number, locale: string): string {
  const whole = Math.max(0, Math.round(seconds))
  const part = (value: number, unit: string): string =>
    new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short' }).format(value)
  if (whole < 60) return part(whole, 'second')
  const minutes = Math.round(whole / 60)
  if (minutes < 60) return part(minutes, 'minute')
  const rest = minutes % 60
  return `${part(Math.floor(minutes / 60), 'hour')}${rest ? ` ${part(rest, 'minute')}` : ''}`
}

/** A day and a time in the reader's zone; the year only where it is another one. `now` and `at` are epoch ms. */
export function dayAndTime(at: number, locale: string, now: number): string {
  const date = new Date(at)
  const sameYear = date.getFullYear() === new Date(now).getFullYear()
  return new Intl.DateTimeFormat(locale, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    ...(!sameYear && { year: 'numeric' }),
    hour: 'numeric',
    minute: '2-digit',
  }).format(date)
}

/** `in 2 hours`, `tomorrow`, `3 days ago`. */
export function fromNow(at: number, locale: string, now: number): string {
  const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' })
  const minutes = Math.round((at - now) / 60_000)
  if (Math.abs(minutes) < 60) return format.format(minutes, 'minute')
  const hours = Math.round(minutes / 60)
  if (Math.abs(hours) < 22) return format.format(hours, 'hour')
  const midnight = (time: number): number => new Date(time).setHours(0, 0, 0, 0)
  return format.format(Math.round((midnight(at) - midnight(now)) / 86_400_000), 'day')
}

/** Names in a sentence: `Ana, Ben and Cleo`; more than `most` become a number. */
export function listed(names: readonly string[], locale: string, most = 3): string {
  const shown = names.length > most ? [...names.slice(0, most - 1), `+${names.length - most + 1}`] : names
  return new Intl.ListFormat(locale).format(shown)
}

export const count = (value: number, locale: string): string =>
  new Intl.NumberFormat(locale, { notation: value < 10_000 ? 'standard' : 'compact' }).format(value)
