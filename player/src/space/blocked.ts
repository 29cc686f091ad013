import { readonly, shallowRef, type Ref } from 'vue'
import * as z from 'zod/mini'
import type { ConversationMoment } from '../playback/conversation.ts'

/** Whose posts this browser does not show. It is nobody else's business, so the server never hears of it. */

const KEY = 'odeon.blocked'
/** The oldest go. */
const MAX_BLOCKED = 500

const ids = shallowRef<ReadonlySet<string>>(restore())

export const blocked: Readonly<Ref<ReadonlySet<string>>> = readonly(ids) as Readonly<Ref<ReadonlySet<string>>>

/** What the reader wants to read of it; the same object where that is all. */
export function readable(moment: ConversationMoment): ConversationMoment {
  if (ids.value.size === 0) return moment
  return { ...moment, posts: moment.posts.filter(({ by }) => !ids.value.has(by.id)) }
}

export function block(id: string, yes: boolean): void {
  const others = [...ids.value].filter((other) => other !== id)
  ids.value = new Set((yes ? [...others, id] : others).slice(-MAX_BLOCKED))
  try {
    localStorage.setItem(KEY, JSON.stringify([...ids.value]))
  } catch {
    // Storage is full or forbidden: it lasts as long as the page.
  }
}

function restore(): Set<string> {
  try {
    return new Set(z.array(z.string()).parse(JSON.parse(localStorage.getItem(KEY) ?? '[]')))
  } catch {
    return new Set()
  }
}
