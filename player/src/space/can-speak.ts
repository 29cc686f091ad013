import type { StageTrouble } from './trouble.ts'

/** What stands in the way of speaking on this page before anything is tried; undefined where nothing does. */
export function canSpeakHere(): StageTrouble | undefined {
  if (!('RTCPeerConnection' in window)) return 'unsupported'
  if (!window.isSecureContext || !('mediaDevices' in navigator)) return 'insecure'
  return undefined
}
