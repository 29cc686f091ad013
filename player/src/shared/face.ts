import type { StageMember } from '@odeon/common/events.ts'
import { inject, provide, shallowReactive, watch, type InjectionKey } from 'vue'

/** How somebody looks: his picture, or initials on a colour of his own. */

/** One or two letters: the first of the first and of the last word. */
export function initials(name: string): string {
  const words = name
    .trim()
    .split(/[\s\-_.]+/u)
    .filter(Boolean)
  const first = (word: string | undefined): string => [...(word ?? '')][0]?.toLocaleUpperCase() ?? ''
  return words.length > 1 ? first(words[0]) + first(words.at(-1)) : first(words[0])
}

/** Hues that stay apart from one another and from the lamp (75°). */
const HUES = [12, 38, 112, 142, 168, 192, 222, 252, 278, 304, 328, 350]

/** The hue of an id, in degrees (oklch). */
export function hueOf(id: string): number {
  let hash = 0x811c9dc5 // FNV-1a, 32 bits.
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
  return HUES[(hash >>> 8) % HUES.length]!
}

/**
 * How people look in one space. Everyone has a colour of his own, or the next free one if somebody who came before looks the same; and the
 * picture that he was last seen with on its stage.
 */
export class Wardrobe {
  readonly #hues = new Map<string, number>()
  readonly #faces = shallowReactive(new Map<string, string>())

  /** These are on stage. */
  see(members: readonly Pick<StageMember, 'id' | 'face'>[]): void {
    for (const { id, face } of members) {
      if (face === undefined) this.#faces.delete(id)
      else this.#faces.set(id, face)
    }
  }

  faceOf(id: string): string | undefined {
    return this.#faces.get(id)
  }

  hueOf(id: string): number {
    const known = this.#hues.get(id)
    if (known !== undefined) return known
    const taken = new Set(this.#hues.values())
    const own = HUES.indexOf(hueOf(id))
    const free = HUES.map((_, n) => HUES[(own + n * 5) % HUES.length]!).find((hue) => !taken.has(hue))
    const hue = free ?? HUES[own]!
    this.#hues.set(id, hue)
    return hue
  }
}

const WARDROBE: InjectionKey<Wardrobe> = Symbol('wardrobe')

/** The faces below this component belong to one space, and these are on its stage. */
export function provideWardrobe(members: () => readonly Pick<StageMember, 'id' | 'face'>[]): void {
  const wardrobe = new Wardrobe()
  watch(members, (now) => wardrobe.see(now), { immediate: true })
  provide(WARDROBE, wardrobe)
}

/** How people look in the space around this component. */
export const useWardrobe = (): Wardrobe => inject(WARDROBE, () => new Wardrobe(), true)
