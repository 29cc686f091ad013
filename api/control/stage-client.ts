import { WebSocket } from 'ws'
import { ToStage, type Bye, type RoomAction, type RoomView } from '@odeon/common/room.ts'

/** For tests and benches: the socket of somebody around the stage. */
export interface StageClient {
  /** As it was shown last. */
  readonly room: RoomView | undefined
  /** Everything that came. */
  readonly messages: ToStage[]
  /** Resolves with the first message, from now on or before, that fits. */
  until<T extends ToStage>(fits: (message: ToStage) => message is T): Promise<T>
  /** Resolves when the room is as asked. */
  shown(fits: (room: RoomView) => boolean): Promise<RoomView>
  /** 'done', or the code of the refusal; what the goodbye said if it came instead. */
  act(action: RoomAction, n?: number): Promise<string>
  sendRaw(text: string): void
  readonly gone: Promise<Bye | undefined>
  close(): void
}

export async function openStage(base: string, space: string, token: string): Promise<StageClient> {
  const socket = new WebSocket(`${base.replace(/^http/, 'ws')}/api/spaces/${space}/stage`)
  const messages: ToStage[] = []
  const waiting = new Set<() => void>()
  const { promise: gone, resolve: goneWith } = Promise.withResolvers<Bye | undefined>()
  const told = (): void => {
    for (const wake of [...waiting]) wake()
  }
  socket.on('message', (data) => {
    messages.push(ToStage.parse(JSON.parse((data as Buffer).toString('utf8'))))
    told()
  })
  let isGone = false
  socket.on('close', () => {
    isGone = true
    const last = messages.at(-1)
    goneWith(last?.type === 'bye' ? last.reason : undefined)
    told()
  })
  socket.on('error', () => {})
  await new Promise<void>((resolve, reject) => {
    socket.once('open', resolve)
    socket.once('error', reject)
  })
  socket.send(JSON.stringify({ type: 'hello', token }))
  const watch = <T>(look: () => T | undefined): Promise<T> =>
    new Promise((resolve, reject) => {
      const check = (): void => {
        const found = look()
        if (found === undefined && !isGone) return
        waiting.delete(check)
        if (found !== undefined) resolve(found)
        else reject(new Error(`the stage said goodbye: ${JSON.stringify(messages.at(-1))}`))
      }
      waiting.add(check)
      check()
    })
  let next = Date.now()
  const roomOf = (): RoomView | undefined => {
    const last = messages.findLast((message) => message.type === 'room')
    return last?.room
  }
  return {
    get room() {
      return roomOf()
    },
    messages,
    until: (fits) => watch(() => messages.find(fits)),
    shown: (fits) =>
      watch(() => {
        const room = roomOf()
        return room && fits(room) ? room : undefined
      }),
    async act(action, n = next++) {
      const from = messages.length
      socket.send(JSON.stringify({ type: 'act', n, action }))
      const answer = await watch(() =>
        messages
          .slice(from)
          .find(
            (message) =>
              ((message.type === 'done' || message.type === 'refused') && message.n === n) ||
              message.type === 'bye',
          ),
      )
      switch (answer.type) {
        case 'refused':
          return answer.code
        case 'bye':
          return answer.reason
        default:
          return answer.type
      }
    },
    sendRaw: (text) => socket.send(text),
    gone,
    close: () => socket.terminate(),
  }
}
