import { openEncoder, type EncoderSettings, type FrameEncoder } from '@odeon/common/opus.ts'

/** Open and not in use: as many mouths may open in one frame. Opening takes half a millisecond, too long for a beat. */
const SPARE = 3

/**
 * Encoders that are open before somebody needs one. Taking never waits: with nothing here it answers undefined, and the next frame
 * finds some. Beyond the spares, those that come back are closed.
 */
export class EncoderPool {
  readonly #settings: EncoderSettings
  readonly #spare: FrameEncoder[] = []
  #filling: Promise<void> | undefined
  #closed = false

  private constructor(settings: EncoderSettings) {
    this.#settings = settings
  }

  static async open(settings: EncoderSettings): Promise<EncoderPool> {
    const pool = new EncoderPool(settings)
    await pool.#fill()
    return pool
  }

  take(): FrameEncoder | undefined {
    const encoder = this.#spare.pop()
    this.#filling ??= this.#fill().then(
      () => (this.#filling = undefined),
      () => (this.#filling = undefined), // Out of memory, maybe: whoever takes next asks again.
    )
    return encoder
  }

  /** Takes an encoder back, whatever it has encoded. */
  give(encoder: FrameEncoder): void {
    if (this.#closed || this.#spare.length >= SPARE) encoder.close()
    else this.#spare.push(encoder)
  }

  async #fill(): Promise<void> {
    while (!this.#closed && this.#spare.length < SPARE) this.give(await openEncoder(this.#settings))
  }

  close(): void {
    this.#closed = true
    for (const encoder of this.#spare.splice(0)) encoder.close()
  }
}
