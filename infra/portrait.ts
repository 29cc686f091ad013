import type { Page } from 'playwright-core'

/** Colours of somebody who was never photographed. */
export interface Sitter {
  wall: string
  skin: string
  hair: string
  shirt: string
}

/** A drawn person, as the browser of `page` draws it: a PNG to be sent as somebody's face. */
export async function portrait(page: Page, sitter: Sitter): Promise<Buffer> {
  const url = await page.evaluate(({ wall, skin, hair, shirt }) => {
    const canvas = document.createElement('canvas')
    canvas.width = canvas.height = 512
    const context = canvas.getContext('2d')!
    const light = context.createLinearGradient(0, 0, 0, 512)
    light.addColorStop(0, wall)
    light.addColorStop(1, '#2b2630')
    context.fillStyle = light
    context.fillRect(0, 0, 512, 512)
    const oval = (colour: string, x: number, y: number, width: number, height: number): void => {
      context.fillStyle = colour
      context.beginPath()
      context.ellipse(x, y, width, height, 0, 0, 2 * Math.PI)
      context.fill()
    }
    oval(shirt, 256, 540, 210, 170)
    oval(skin, 256, 380, 48, 70)
    oval(hair, 256, 222, 134, 156)
    oval(skin, 256, 252, 104, 130)
    for (const x of [216, 296]) oval('#241c1c', x, 240, 10, 11)
    context.strokeStyle = '#7a2e2e'
    context.lineWidth = 8
    context.lineCap = 'round'
    context.beginPath()
    context.arc(256, 284, 44, 0.22 * Math.PI, 0.78 * Math.PI)
    context.stroke()
    return canvas.toDataURL('image/png')
  }, sitter)
  return Buffer.from(url.slice(url.indexOf(',') + 1), 'base64')
}
