import sharp from 'sharp'
import { AppError, messageOf } from '@odeon/common/errors.ts'
import { FACE_SIZE } from '@odeon/common/face.ts'

/** Of a picture that comes from outside: width × height. A camera's 24 megapixels, and no bomb. */
const MAX_PIXELS = 25_000_000
const MAX_SECONDS = 5

// Only these are read, whatever else the library could: no SVG, which is a program, and no exotic decoder.
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({
  operation: ['VipsForeignLoadJpegBuffer', 'VipsForeignLoadPngBuffer', 'VipsForeignLoadWebpBuffer'],
})
sharp.cache(false)
sharp.concurrency(1) // The mix may be on the same machine.

/** One after the other: whoever waits is bounded by whoever lets them in. */
let last: Promise<unknown> = Promise.resolve()

/**
 * A face of what somebody sent: upright, square, `FACE_SIZE` pixels wide, WebP, and nothing in it but the picture. Throws
 * `unsupported_media_type` (415) for what is no JPEG, PNG or WebP, and `bad_picture` (422) for one that is damaged or too large.
 */
export function makeFace(picture: Uint8Array): Promise<Uint8Array> {
  if (!isPicture(picture))
    return Promise.reject(
      new AppError(415, 'unsupported_media_type', 'This is no picture of a known kind: JPEG, PNG or WebP.'),
    )
  const made = last.then(() => make(picture))
  last = made.catch(() => {})
  return made
}

async function make(picture: Uint8Array): Promise<Uint8Array> {
  try {
    return await sharp(picture, { failOn: 'warning', limitInputPixels: MAX_PIXELS })
      .autoOrient()
      .resize(FACE_SIZE, FACE_SIZE, { fit: 'cover' })
      .flatten({ background: '#fff' }) // Nothing shows through.
      .webp({ quality: 80 }) // Metadata is left out, unless asked for.
      .timeout({ seconds: MAX_SECONDS })
      .toBuffer()
  } catch (cause) {
    const why = messageOf(cause).includes('pixel limit')
      ? `It has more than ${MAX_PIXELS / 1e6} million pixels.`
      : 'It is damaged, or not what it seems to be.'
    throw new AppError(422, 'bad_picture', `This picture can’t be used. ${why}`, { cause })
  }
}

/** By its first bytes; what a sender calls it says nothing. */
function isPicture(bytes: Uint8Array): boolean {
  const begin = Buffer.from(bytes.subarray(0, 12)).toString('latin1')
  return (
    begin.startsWith('\xff\xd8\xff') ||
    begin.startsWith('\x89PNG\r\n\x1a\n') ||
    (begin.startsWith('RIFF') && begin.endsWith('WEBP'))
  )
}
