import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium, type Browser, type Page } from 'playwright-core'

/** Real Chromium for the page tests: found on PATH or by `CHROMIUM_PATH`. */

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

export function findChromium(): string | undefined {
  if (process.env['CHROMIUM_PATH']) return process.env['CHROMIUM_PATH']
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of NAMES) {
      try {
        accessSync(join(folder, name), constants.X_OK)
        return join(folder, name)
      } catch {
        // Not here.
      }
    }
  }
  return undefined
}

export const CHROMIUM_HINT = 'Chromium is not installed; on Debian: apt-get install chromium'

const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
]

/** A browser whose microphone says what is in a 48 kHz WAV file, looped. One process a speaker. */
export const launchSpeaker = (wav: string): Promise<Browser> =>
  chromium.launch({
    executablePath: findChromium()!,
    args: [
      ...QUIET,
      '--use-fake-device-for-media-stream',
      '--use-fake-ui-for-media-stream',
      `--use-file-for-fake-audio-capture=${wav}`,
      // A speaker's page may start the sound of the stage without a press: the press was "join".
    ],
  })

/** A listener's browser, with the autoplay rules of everyone. */
export const launchListener = (): Promise<Browser> =>
  chromium.launch({ executablePath: findChromium()!, args: QUIET })

/** Turns off what would change the sound between the file and the wire, so that it can be compared. */
export async function rawMicrophone(page: Page): Promise<void> {
  await page.addInitScript(() => {
    const devices = navigator.mediaDevices
    const real = devices.getUserMedia.bind(devices)
    devices.getUserMedia = () =>
      real({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } })
  })
}

export const TAP_RATE = 16_000

/** Begins to record what an audio element of the page plays (a stream or a source); `heard` gives it back. Call after a press. */
export async function tap(page: Page, selector: string): Promise<void> {
  await page.evaluate(
    async ([selector, rate]) => {
      const element = document.querySelector<HTMLAudioElement>(selector)
      if (!element) throw new Error(`no ${selector} on the page`)
      const context = new AudioContext({ sampleRate: rate })
      const stream = element.srcObject as MediaStream | null
      const source = stream
        ? context.createMediaStreamSource(stream)
        : context.createMediaElementSource(element)
      const code = `registerProcessor('tap', class extends AudioWorkletProcessor {
        process([input]) { if (input[0]) this.port.postMessage(input[0].slice()); return true } })`
      await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })))
      const node = new AudioWorkletNode(context, 'tap', { channelCount: 1, channelCountMode: 'explicit' })
      const heard: { startedAt: number; pcm: Float32Array[] } = { startedAt: 0, pcm: [] }
      node.port.onmessage = ({ data }: MessageEvent<Float32Array>) => {
        heard.startedAt ||= performance.timeOrigin + performance.now()
        heard.pcm.push(data)
      }
      source.connect(node)
      if (!stream) source.connect(context.destination)
      await context.resume()
      Object.assign(window, { heard })
    },
    [selector, TAP_RATE] as const,
  )
}

export interface Heard {
  /** Epoch ms of the first sample. */
  startedAt: number
  pcm: Float32Array
}

/** What was heard since `tap`. */
export async function heard(page: Page): Promise<Heard> {
  const { startedAt, base64 } = await page.evaluate(async () => {
    const { heard } = window as unknown as { heard: { startedAt: number; pcm: Float32Array[] } }
    const url = await new Promise<string>((resolve) => {
      const reader = new FileReader()
      reader.onload = () => resolve(reader.result as string)
      reader.readAsDataURL(new Blob(heard.pcm as BlobPart[]))
    })
    return { startedAt: heard.startedAt, base64: url.slice(url.indexOf(',') + 1) }
  })
  const bytes = Buffer.from(base64, 'base64')
  return {
    startedAt,
    pcm: new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length)),
  }
}
