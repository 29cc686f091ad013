import { AAC, OPUS, type Rendition } from '@odeon/common/rendition.ts'
import { readonly, ref, type Ref } from 'vue'

/** A listener's choice between sound that every player has (AAC) and the same sound in fewer bits (Opus), kept from visit to visit. */

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

export const maySaveData = playsOpus()

const chosen = ref(maySaveData && restore())

export const savesData: Readonly<Ref<boolean>> = readonly(chosen)

export function saveData(save: boolean): void {
  chosen.value = save
  try {
    if (save) localStorage.setItem(KEY, 'yes')
    else localStorage.removeItem(KEY)
  } catch {
    // Storage is full or forbidden: the choice lasts as long as the page.
  }
}

/** The rendition to open now. It is never changed while it plays: who chooses another begins again at the edge. */
export const chosenRendition = (): Rendition => (chosen.value ? OPUS : AAC)

function restore(): boolean {
  try {
    return localStorage.getItem(KEY) === 'yes'
  } catch {
    return false
  }
}
