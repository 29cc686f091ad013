import sharp from 'sharp'
import { crc32, deflateSync } from 'node:zlib'

/** Pictures for tests. */

/** Twice as wide as high: red on the left, blue on the right; taken in Berlin, as its EXIF says. */
export function pictureOf(kind: 'jpeg' | 'png' | 'webp', width = 640): Promise<Buffer> {
  const half = { width: width / 2, height: width / 2, channels: 3 as const }
  return sharp({ create: { width, height: width / 2, channels: 3, background: 'red' } })
    .composite([{ input: { create: { ...half, background: 'blue' } }, left: width / 2, top: 0 }])
    .withExif({
      IFD0: { Copyright: 'Ana Secret' },
      IFD3: {
        GPSLatitudeRef: 'N',
        GPSLatitude: '52/1 30/1 0/1',
        GPSLongitudeRef: 'E',
        GPSLongitude: '13/1 24/1 0/1',
      },
    })
    .toFormat(kind)
    .toBuffer()
}

export interface Seen {
  format: string
  width: number
  height: number
  /** There is something in it besides the picture. */
  annotated: boolean
  /** Red, green and blue of a pixel, 0 to 255. */
  at(x: number, y: number): number[]
}

export async function look(picture: Uint8Array): Promise<Seen> {
  const { format, exif, xmp, iptc, icc } = await sharp(picture).metadata()
  const { data, info } = await sharp(picture).removeAlpha().raw().toBuffer({ resolveWithObject: true })
  return {
    format,
    width: info.width,
    height: info.height,
    annotated: [exif, xmp, iptc, icc].some((found) => found !== undefined),
    at: (x, y) => [...data.subarray((y * info.width + x) * 3, (y * info.width + x) * 3 + 3)],
  }
}

/** The same JPEG, held by a camera that was turned (EXIF orientation). */
export const turned = (jpeg: Uint8Array, orientation: number): Promise<Buffer> =>
  sharp(jpeg).withMetadata({ orientation }).jpeg().toBuffer()

/** A few bytes that say they are a PNG of this size. */
export function pngOf(width: number, height: number): Buffer {
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  head.set([8, 2], 8) // RGB.
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    pngChunk('IHDR', head),
    pngChunk('IDAT', deflateSync(Buffer.alloc(1000))),
    pngChunk('IEND', Buffer.alloc(0)),
  ])
}

function pngChunk(type: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), body])
  const around = Buffer.alloc(8)
  around.writeUInt32BE(body.length, 0)
  around.writeUInt32BE(crc32(named), 4)
  return Buffer.concat([around.subarray(0, 4), named, around.subarray(4)])
}
