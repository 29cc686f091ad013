import { AAC, OPUS, type Rendition } from '@odeon/common/rendition.ts'
import { readonly, ref, type Ref } from 'vue'

/**
 * A listener's choice between the two renditions, kept from visit to visit: Opus is the same sound in fewer bits, and sooner; AAC every player has
 * (docs/decisions/0007).
 */

const KEY = 'odeon.save-data'

type Source = Pick<typeof MediaSource, 'isTypeSupported'>

/** Whether this browser plays Opus as we send it. Where it plays HLS by itself, it chooses by itself. */
function playsOpus(): boolean {
  const { ManagedMediaSource, MediaSource } = globalThis as {
    ManagedMediaSource?: Source
    MediaSource?: Source
  }
  return (ManagedMediaSource ?? MediaSource)?.isTypeSupported(`audio/mp4; codecs="${OPUS.codecs}"`) ?? false
}

/** Errors of the decoder after which a browser that says that it plays Opus is not believed any more. */
const UNDECODABLE = 2
let undecodable = 0

const plays = ref(playsOpus())

/** There is a choice. */
export const maySaveData: Readonly<Ref<boolean>> = readonly(plays)

/** Apple's players say that they play it, and nobody has heard them do it: they wait to be asked. */
const byDefault = !('ManagedMediaSource' in globalThis)

const chosen = ref(restore() ?? byDefault)

export const savesData: Readonly<Ref<boolean>> = readonly(chosen)

export function saveData(save: boolean): void {
  chosen.value = save
  try {
    localStorage.setItem(KEY, save ? 'yes' : 'no')
  } catch {
    // Storage is full or forbidden: the choice lasts as long as the page.
  }
}

/** The rendition to open now. It is never changed while it plays: who chooses another begins again at the edge. */
export const chosenRendition = (): Rendition => (plays.value && chosen.value ? OPUS : AAC)

/** The decoder failed on Opus. Twice, and there is AAC alone for as long as the page is open. */
export function opusFailed(): void {
  if (++undecodable >= UNDECODABLE) plays.value = false
}

/** Undefined for one who never chose. */
function restore(): boolean | undefined {
  try {
    const kept = localStorage.getItem(KEY)
    return kept === null ? undefined : kept === 'yes'
  } catch {
    return undefined
  }
}
