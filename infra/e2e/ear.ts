import type { Page } from 'playwright-core'

/** The ear of tests and benches: when does a burst of tone leave the loudspeaker of a real browser? */

/** Begins to note the moments (epoch ms) at which the element's sound goes from silence to a tone. Call after a press. */
export function listenForBursts(page: Page, selector: string): Promise<void> {
  return page.evaluate(async (selector) => {
    const element = document.querySelector<HTMLAudioElement>(selector)
    if (!element) throw new Error(`no ${selector} on the page`)
    const context = new AudioContext({ sampleRate: 48_000, latencyHint: 'interactive' })
    const code = `registerProcessor('bursts', class extends AudioWorkletProcessor {
      quiet = 0
      process([input]) {
        const samples = input[0]
        for (let i = 0; samples && i < samples.length; i++) {
          if (Math.abs(samples[i]) < 0.1) this.quiet++
          else {
            if (this.quiet > 0.3 * sampleRate) this.port.postMessage(currentTime + i / sampleRate)
            this.quiet = 0
          }
        }
        return true
      } })`
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })))
    const node = new AudioWorkletNode(context, 'bursts', { channelCount: 1, channelCountMode: 'explicit' })
    const bursts: number[] = []
    node.port.onmessage = ({ data }: MessageEvent<number>) => {
      // When the sample of that context time is at the device, by the browser's own account.
      const { contextTime = 0, performanceTime = 0 } = context.getOutputTimestamp()
      const heard =
        contextTime > 0
          ? performanceTime + (data - contextTime) * 1000
          : performance.now() + (data - context.currentTime + context.outputLatency) * 1000
      bursts.push(performance.timeOrigin + heard)
    }
    const source = context.createMediaElementSource(element)
    source.connect(node)
    source.connect(context.destination)
    await context.resume()
    const stalls: Stall[] = []
    element.addEventListener('waiting', () => {
      const { buffered, currentTime: at } = element
      const end = buffered.length > 0 ? buffered.end(buffered.length - 1) : 0
      stalls.push({ at, ahead: end - at, seeking: element.seeking })
    })
    Object.assign(window, { ear: { bursts, stalls } })
  }, selector)
}

/** The playhead stopped for want of sound: where, with how much of it ahead, and whether it had been moved there. Seconds. */
export interface Stall {
  at: number
  ahead: number
  seeking: boolean
}

export interface EarReport {
  bursts: number[]
  stalls: Stall[]
}

export const earReport = (page: Page): Promise<EarReport> =>
  page.evaluate(() => {
    return (window as unknown as { ear: EarReport }).ear
  })
