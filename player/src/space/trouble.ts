import type { StageState } from '../speaking/stage.ts'

/** Why somebody is not on stage. */
export type StageTrouble = Extract<StageState, { kind: 'failed' }>['reason'] | 'bad-invite' | 'offline'

/** The message key of each. */
export const TROUBLES: Record<StageTrouble, string> = {
  denied: 'speak.denied',
  'no-microphone': 'speak.noMicrophone',
  insecure: 'speak.insecure',
  unsupported: 'speak.unsupported',
  full: 'speak.full',
  forbidden: 'speak.forbidden',
  ended: 'speak.ended',
  error: 'speak.error',
  offline: 'offline',
  'bad-invite': 'speak.badInvite',
}

/** Whether trying again may help. */
export const mayPass = (trouble: StageTrouble): boolean =>
  !['insecure', 'unsupported', 'forbidden', 'ended', 'bad-invite'].includes(trouble)
