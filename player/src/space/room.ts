import { onScopeDispose, shallowRef, watch, type Ref } from 'vue'
import { ToStage, type Bye, type RoomAction, type RoomView } from '@odeon/common/room.ts'
import { ApiError } from '../api/http.ts'
import { session } from '../api/session.ts'
import { backoffMs, rest } from '../playback/backoff.ts'

export interface Room {
  /** What goes on around the stage; null while nobody is there to tell. */
  room: Readonly<Ref<RoomView | null>>
  /** Resolves when it is done; throws ApiError: what the server says, or `offline`. */
  act(action: RoomAction): Promise<void>
}

const ACT_MS = 10_000

/** The socket of those around the stage, open while `wanted`: dialled again when it breaks, until the server says goodbye. Ends with its scope. */
export function useRoom(
  spaceId: string,
  wanted: () => boolean,
  onBye: (reason: Bye) => void = () => {},
): Room {
  const room = shallowRef<RoomView | null>(null)
  const waiting = new Map<number, (refused?: ApiError) => void>()
  let socket: WebSocket | undefined
  let turn: AbortController | undefined
  let number = Date.now()

  function take(text: string): void {
    const message = ToStage.parse(JSON.parse(text))
    switch (message.type) {
      case 'room':
        room.value = message.room
        return
      case 'done':
        return waiting.get(message.n)?.()
      case 'refused':
        if (message.n !== null) waiting.get(message.n)?.(new ApiError(409, message.code, message.message))
        return
      case 'bye':
        if (message.reason === 'restart') return
        turn?.abort()
        onBye(message.reason)
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
        own.send(JSON.stringify({ type: 'hello', token: session.value?.token ?? '' }))
      }
      own.onmessage = ({ data }) => take(String(data))
      own.onclose = () => {
        signal.removeEventListener('abort', close)
        for (const settle of [...waiting.values()]) settle(offline())
        room.value = null
        resolve()
      }
    })

  watch(
    wanted,
    (now) => {
      turn?.abort()
      if (!now) return
      turn = new AbortController()
      void keepOpen(turn.signal)
    },
    { immediate: true },
  )
  onScopeDispose(() => turn?.abort())

  return {
    room,
    act(action) {
      return new Promise((resolve, reject) => {
        if (socket?.readyState !== WebSocket.OPEN) return reject(offline())
        const n = (number = Math.max(Date.now(), number + 1))
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
