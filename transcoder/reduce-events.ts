import type { TimedEvent } from '@odeon/common/events.ts'

/**
 * What a replay page needs of the events of a space, which come in order: a `stage` where title or members change, a `talking` where only
 * the talkers do. Levels and repeated snapshots are left out.
 */
export class EventReducer {
  readonly events: TimedEvent[] = []
  #stage = ''
  #talking = '[]'

  add(event: TimedEvent): void {
    if (event.type === 'levels') return
    const talkers = event.type === 'stage' ? event.talking : event.ids
    const talking = JSON.stringify([...talkers].sort())
    const stage = event.type === 'stage' ? JSON.stringify([event.title, event.members]) : this.#stage
    if (stage !== this.#stage) this.events.push(event)
    else if (talking !== this.#talking)
      this.events.push({ type: 'talking', ids: [...talkers], frame: event.frame })
    this.#stage = stage
    this.#talking = talking
  }
}
