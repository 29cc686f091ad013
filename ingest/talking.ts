/**
 * Says whether a speaker is talking, from the loudness of his frames. Opens when two frames in a row stand out of his own
 * noise, closes 400 ms after the last one that did, so that it does not flicker between words.
 */
export class TalkDetector {
  #floor = -60
  #loud = 0
  #hang = 0

  /** `level` in dBFS, once a frame. */
  update(level: number): boolean {
    const threshold = Math.max(MIN_LEVEL, this.#floor + ABOVE_FLOOR)
    if (level > threshold) {
      if (++this.#loud >= 2) this.#hang = HANG_FRAMES
    } else {
      this.#loud = 0
      if (this.#hang > 0) this.#hang--
    }
    // The floor falls at once and rises slowly (3 dB/s): a steady hum becomes floor, speech with its pauses does not.
    this.#floor = level < this.#floor ? Math.max(-90, level) : Math.min(-35, this.#floor + 0.06)
    return this.#hang > 0
  }
}

const MIN_LEVEL = -50
const ABOVE_FLOOR = 10
const HANG_FRAMES = 20
