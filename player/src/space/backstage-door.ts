import { inject, provide, shallowRef, type InjectionKey, type Ref } from 'vue'
import type { Backstage } from './backstage.ts'

/** The way to what is behind the stage, which only those fetch who need it. */
export interface BackstageDoor {
  /** Undefined until somebody has gone in. */
  backstage: Readonly<Ref<Backstage | undefined>>
  /** Fetches it, once. Rejects when it can't be fetched. */
  enter(): Promise<Backstage>
}

const KEY: InjectionKey<BackstageDoor> = Symbol('backstage')

export const provideBackstage = (door: BackstageDoor): void => provide(KEY, door)

export const useBackstageDoor = (): BackstageDoor =>
  inject(
    KEY,
    () => ({ backstage: shallowRef(), enter: () => Promise.reject(new Error('no stage here')) }),
    true,
  )
