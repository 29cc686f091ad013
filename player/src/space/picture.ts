/** Pixels on each side of what is sent: twice what is kept, since the server makes it anew. */
const SIZE = 512
const TYPE = 'image/jpeg'
const QUALITY = 0.9

export interface Square {
  blob: Blob
  /** `data:`, which the content security policy allows. */
  url: string
}

/** The middle of a picture, square and small, as a JPEG: what is sent is a few dozen kilobytes. Undefined for what this browser can't open. */
export async function squareOf(file: Blob): Promise<Square | undefined> {
  const picture = await createImageBitmap(file).catch(() => undefined) // Upright, as its EXIF says.
  if (!picture) return undefined
  const { width, height } = picture
  const side = Math.min(width, height)
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = SIZE
  const context = canvas.getContext('2d')
  if (!context) return undefined
  context.imageSmoothingQuality = 'high'
  context.fillStyle = '#fff'
  context.fillRect(0, 0, SIZE, SIZE)
  context.drawImage(picture, (width - side) / 2, (height - side) / 2, side, side, 0, 0, SIZE, SIZE)
  picture.close()
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, TYPE, QUALITY))
  return blob ? { blob, url: canvas.toDataURL(TYPE, QUALITY) } : undefined
}
