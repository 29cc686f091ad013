import type { Bye } from '@odeon/common/room.ts'
import { computed, readonly, ref, watch, type Ref } from 'vue'
import { api, type RoleInSpace } from '../api/client.ts'
import { i18n } from '../i18n/i18n.ts'
import { crossfade } from '../playback/crossfade.ts'
import type { Listen } from '../playback/listen.ts'
import { announce } from '../shared/announce.ts'
import { useLoudspeaker } from '../speaking/loudspeaker.ts'
import { useStage, type Speaking } from '../speaking/stage.ts'
import { keepHand } from './kept-hand.ts'
import { useRoom, type Room } from './room.ts'

/** What those have who speak, lead, or are about to: the socket of the room, the hand, microphone and connection, and the way between the two sounds. */
export interface Backstage extends Room {
  speaking: Speaking
  handUp: Readonly<Ref<boolean>>
  /** Call it within a press: the microphone is asked for. Throws ApiError. */
  raiseHand(): Promise<void>
  lowerHand(): Promise<void>
  /** It is up from before this page was loaded anew. */
  keepHandUp(): void
  /** To the audience: the microphone closes at once, and the house is heard before the stage goes silent. */
  goDown(): Promise<void>
  /** Nothing is heard while somebody listens to himself. */
  hush(silent: boolean): void
}

export interface BackstageOptions {
  spaceId: string
  role: () => RoleInSpace
  house: Listen
  houseAudio: Readonly<Ref<HTMLAudioElement | null>>
  stageAudio: Readonly<Ref<HTMLAudioElement | null>>
  onRole(role: RoleInSpace): void
  /** His hand was accepted. */
  onLetOn(): void
}

/** Who goes down hears the stage no longer than this while the house is tuned in. */
const TUNE_IN_MS = 2500

/** Ends with its scope. */
export function useBackstage(options: BackstageOptions): Backstage {
  const { spaceId, role, house, houseAudio, stageAudio, onRole, onLetOn } = options
  const { t } = i18n.global
  const handUp = ref(false)
  const { room, act, conversation, reactions } = useRoom(
    spaceId,
    () => role() !== 'listener' || handUp.value,
    farewell,
  )
  const speaking = useStage({ spaceId, audio: stageAudio, room })
  useLoudspeaker(houseAudio, stageAudio)
  watch(handUp, (up) => keepHand(spaceId, up))

  watch(room, (now) => {
    if (!now) return
    const { you } = now
    if (you.role === role()) return
    if (you.role === 'listener') return // He hears it from the stage; before he was there it is the past.
    const letOn = handUp.value
    handUp.value = false
    onRole(you.role)
    if (!letOn) return
    announce(t('voice.letOn'))
    onLetOn()
  })

  function farewell(reason: Bye): void {
    if (reason !== 'audience' && reason !== 'banned') return
    if (handUp.value) {
      putDown()
      announce(t('hand.refused'))
    } else if (role() !== 'listener') {
      speaking.takenOff()
      onRole('listener')
    }
  }
  function putDown(): void {
    handUp.value = false
    speaking.leave()
  }

  // Silent until there is something to hear: then one sound fades into the other.
  watch(stageAudio, (element) => {
    if (element) element.volume = 0
  })
  const isHeard = computed(() => ['playing', 'reconnecting', 'loading'].includes(house.state.value.kind))
  watch(speaking.hears, async (now) => {
    if (!now) return
    await crossfade({
      from: isHeard.value ? houseAudio.value : null,
      to: stageAudio.value,
      loudness: { from: house.volume.value },
    })
    if (!speaking.hears.value) return
    house.pause()
    restoreHouse()
  })
  function restoreHouse(): void {
    if (!houseAudio.value) return
    houseAudio.value.volume = house.volume.value
    houseAudio.value.muted = false
  }

  /** The house is heard. */
  const tunedIn = (): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        unwatch()
        resolve()
      }
      const timer = setTimeout(done, TUNE_IN_MS)
      const unwatch = watch(house.state, ({ kind }) => kind === 'playing' && done())
      if (house.state.value.kind === 'playing') done()
    })

  return {
    room,
    act,
    conversation,
    reactions,
    speaking,
    handUp: readonly(handUp),
    async raiseHand() {
      await api.raiseHand(spaceId)
      handUp.value = true
      announce(t('voice.handUp'))
      void speaking.prepare()
    },
    keepHandUp() {
      if (handUp.value || role() !== 'listener') return
      handUp.value = true
      void speaking.prepare()
    },
    async lowerHand() {
      await api.lowerHand(spaceId)
      putDown()
    },
    hush(silent) {
      for (const { value } of [houseAudio, stageAudio]) if (value) value.muted = silent
    },
    async goDown() {
      if (!speaking.hears.value) return speaking.leave()
      house.listen()
      if (houseAudio.value) houseAudio.value.volume = 0
      const fade = async (): Promise<void> => {
        await tunedIn()
        const loudness = { to: house.volume.value }
        await crossfade({ from: stageAudio.value, to: houseAudio.value, loudness })
        restoreHouse()
      }
      const heardOut = fade()
      speaking.leave(heardOut)
      await heardOut
    },
  }
}
