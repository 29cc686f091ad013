import { expect, test } from 'vitest'
import { findBox } from './boxes.ts'
import { decodeEmsg, encodeEmsg } from './emsg.ts'
import { decodeTxxx, encodeTxxx } from './id3.ts'

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

test('a text is an ID3v2.4 tag with one TXXX frame in UTF-8', () => {
  expect(hex(encodeTxxx('odeon', 'é'))).toBe(
    '494433' + '0400' + '00' + '00000013' + '54585858' + '00000009' + '0000' + '03' + '6f64656f6e00' + 'c3a9',
  )
})

test('sizes are synchsafe, seven bits a byte', () => {
  const tag = encodeTxxx('odeon', 'x'.repeat(1000))
  expect(hex(tag.subarray(6, 10))).toBe('00000779') // 1017 = 7 × 128 + 121
  expect(decodeTxxx(tag, 'odeon')).toBe('x'.repeat(1000))
  expect(decodeTxxx(tag, 'other')).toBeUndefined()
})

test('a tag that is cut short is an error', () => {
  expect(() => decodeTxxx(encodeTxxx('odeon', 'abc').subarray(0, 20), 'odeon')).toThrow('cut short')
  expect(() => decodeTxxx(new Uint8Array(5), 'odeon')).toThrow('Not an ID3v2.4 tag')
})

const post = {
  id: 'post0000000000000001',
  by: { id: 'ana00000', name: 'Ana' },
  role: 'host' as const,
  text: 'Fête 🎉',
}

test('an emsg of version 1 says when, for how long, and what; beyond 32 bits too', () => {
  const events = { v: 1 as const, startedAt: 5, events: [{ type: 'post' as const, ...post, frame: 96 }] }
  const message = { presentationTime: 2 ** 40 + 5120, duration: 5120, id: 19, events }
  const { body } = findBox(encodeEmsg(message), 'emsg')
  const view = new DataView(body.buffer, body.byteOffset)
  expect(view.getUint8(0)).toBe(1)
  expect(view.getUint32(4)).toBe(48_000)
  expect(new TextDecoder().decode(body.subarray(24, 24 + 33))).toBe('https://aomedia.org/emsg/ID3\0\0ID3')
  expect(decodeEmsg(body)).toEqual(message)
})

test("another's emsg is passed over", () => {
  const { body } = findBox(
    encodeEmsg({ presentationTime: 0, duration: 1, id: 1, events: { v: 1, startedAt: 0, events: [] } }),
    'emsg',
  )
  const foreign = Uint8Array.from(body)
  foreign[30] = 'T'.charCodeAt(0)
  expect(decodeEmsg(foreign)).toBeUndefined()
})
