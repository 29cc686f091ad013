import type { Counts } from '@odeon/common/posts.ts'
import { ToStage, type Bye, type RoomAction, type RoomView } from '@odeon/common/room.ts'
import { onScopeDispose, shallowRef, watch, type Ref } from 'vue'
import { ApiError } from '../api/http.ts'
import { session } from '../api/session.ts'
import { backoffMs, rest } from '../playback/backoff.ts'
import type { ConversationMoment } from '../playback/conversation.ts'

export interface Room {
  /** What goes on around the stage; null while nobody is there to tell. */
  room: Readonly<Ref<RoomView | null>>
  /** What is written, as it comes; null until it is told. */
  conversation: Readonly<Ref<ConversationMoment | null>>
  /** Those that just came: a new object for each. */
  reactions: Readonly<Ref<Counts | null>>
  /** Resolves when it is done; throws ApiError: what the server says, or `offline`. */
  act(action: RoomAction): Promise<void>
}

interface Line extends Room {
  /** Somebody on the page wants it open, or no more. */
  want(who: symbol, wanted: boolean, onBye: (reason: Bye) => void): void
  isWanted(): boolean
}

const ACT_MS = 10_000
/** Kept on the page. */
const MAX_POSTS = 500

/** A person has one socket to a stage, whatever on his page reads it. */
const lines = new Map<string, Line>()

/** The socket of those around the stage, open while anybody on the page wants it: dialled again when it breaks, until the server says goodbye. */
export function useRoom(
  spaceId: string,
  wanted: () => boolean,
  onBye: (reason: Bye) => void = () => {},
): Room {
  const line = lines.get(spaceId) ?? openLine(spaceId)
  lines.set(spaceId, line)
  const who = Symbol()
  watch(wanted, (now) => line.want(who, now, onBye), { immediate: true })
  onScopeDispose(() => {
    line.want(who, false, onBye)
    if (!line.isWanted()) lines.delete(spaceId)
  })
  return line
}

function openLine(spaceId: string): Line {
  const room = shallowRef<RoomView | null>(null)
  const conversation = shallowRef<ConversationMoment | null>(null)
  const reactions = shallowRef<Counts | null>(null)
  const waiting = new Map<number, (refused?: ApiError) => void>()
  const wishes = new Map<symbol, (reason: Bye) => void>()
  let socket: WebSocket | undefined
  let turn: AbortController | undefined
  let number = Date.now()
  /** Nothing was told yet of what is written. */
  let fresh = true

  function take(text: string): void {
    const message = ToStage.parse(JSON.parse(text))
    switch (message.type) {
      case 'room':
        room.value = message.room
        return
      case 'said': {
        const before = fresh ? [] : (conversation.value?.posts ?? [])
        const gone = new Set([...message.removed, ...message.posts.map(({ id }) => id)])
        const posts = [...before.filter(({ id }) => !gone.has(id)), ...message.posts].slice(-MAX_POSTS)
        conversation.value = { posts, pinned: message.pin }
        fresh = false
        return
      }
      case 'reactions':
        reactions.value = message.counts
        return
      case 'done':
        return waiting.get(message.n)?.()
      case 'refused':
        if (message.n !== null) waiting.get(message.n)?.(new ApiError(409, message.code, message.message))
        return
      case 'bye': {
        if (message.reason === 'restart') return
        turn?.abort()
        turn = undefined
        const told = [...wishes.values()]
        wishes.clear()
        for (const tell of told) tell(message.reason)
      }
    }
  }

  async function keepOpen(signal: AbortSignal): Promise<void> {
    for (let attempt = 1; !signal.aborted; attempt++) {
      await open(signal, () => (attempt = 0))
      if (!(await rest(backoffMs(attempt), signal))) return
    }
  }

  /** Resolves when it is closed again. */
  const open = (signal: AbortSignal, onOpen: () => void): Promise<void> =>
    new Promise((resolve) => {
      const own = (socket = new WebSocket(
        `${location.origin.replace(/^http/, 'ws')}/api/spaces/${encodeURIComponent(spaceId)}/stage`,
      ))
      const close = (): void => own.close()
      signal.addEventListener('abort', close)
      own.onopen = () => {
        onOpen()
        fresh = true
        own.send(JSON.stringify({ type: 'hello', token: session.value?.token ?? '' }))
      }
      own.onmessage = ({ data }) => take(String(data))
      own.onclose = () => {
        signal.removeEventListener('abort', close)
        for (const settle of [...waiting.values()]) settle(offline())
        if (socket === own) room.value = null
        resolve()
      }
    })

  return {
    room,
    conversation,
    reactions,
    isWanted: () => wishes.size > 0,
    want(who, wanted, onBye) {
      if (wanted) wishes.set(who, onBye)
      else wishes.delete(who)
      if (wishes.size === 0) {
        turn?.abort()
        turn = undefined
      } else if (!turn) {
        turn = new AbortController()
        void keepOpen(turn.signal)
      }
    },
    act(action) {
      return new Promise((resolve, reject) => {
        if (socket?.readyState !== WebSocket.OPEN) return reject(offline())
        const n = (number = Math.max(Date.now(), number + 1, (room.value?.you.acted ?? 0) + 1))
        const settle = (refused?: ApiError): void => {
          clearTimeout(timer)
          waiting.delete(n)
          if (refused) reject(refused)
          else resolve()
        }
        const timer = setTimeout(() => settle(offline()), ACT_MS)
        waiting.set(n, settle)
        socket.send(JSON.stringify({ type: 'act', n, action }))
      })
    },
  }
}

const offline = (): ApiError => new ApiError(0, 'offline', 'The server can’t be reached.')
