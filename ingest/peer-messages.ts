import type { AppError } from '@odeon/common/errors.ts'
import type { Refusal } from './intake.ts'
import type { PeerOptions, PeerSettings } from './peer.ts'

/** What the thread of the beat and the thread of the connections say to one another; media go by a `MediaRing` each way. `peer` is a number that the first gives. */

export type ToWorker =
  | ({ type: 'open'; peer: number } & Pick<PeerOptions, 'sdp' | 'sound'> & Omit<PeerSettings, 'release'>)
  | { type: 'trickle'; peer: number; call: number; fragment: string }
  | { type: 'close'; peer: number }
  | { type: 'send' } // What is in the ring.

export type ToBeat =
  | { type: 'opened'; peer: number; answer: string; hears: boolean }
  | { type: 'failed'; peer: number; error: ErrorFields }
  | { type: 'trickled'; call: number; error?: ErrorFields }
  | { type: 'gone'; peer: number }
  | { type: 'closed'; peer: number; error?: ErrorFields }
  | { type: 'look'; heard: Heard[]; refused: Refused[] }

/** How long nothing was heard of it, ms. */
export type Heard = [peer: number, ms: number]
export type Refused = [peer: number, why: Refusal, count: number]

/** An `AppError`, as a thread can be told of it. */
export type ErrorFields = Pick<AppError, 'status' | 'code' | 'message'>

/** What the worker is started with. */
export interface PeerWorkerData {
  arrivals: SharedArrayBuffer
  returns: SharedArrayBuffer
  /** The machine's clock when `performance.now()` of the other thread was 0, ms. */
  origin: number
}

/** The machine's steady clock, the same in all threads, when `performance.now()` of this one was 0, ms. */
export const clockOrigin = (): number => Number(process.hrtime.bigint()) / 1e6 - performance.now()
