import { expect, test } from 'vitest'
import { aacInit, opusInit } from './cmaf-init.ts'

/** Every box of the file, as `moov/trak/tkhd` → its body; nested where the standard nests. */
function boxes(bytes: Uint8Array, path = ''): Map<string, Uint8Array> {
  const found = new Map<string, Uint8Array>()
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = 0; at < bytes.length; at += view.getUint32(at)) {
    const size = view.getUint32(at)
    expect(size).toBeGreaterThanOrEqual(8)
    expect(at + size).toBeLessThanOrEqual(bytes.length)
    const name = `${path}${new TextDecoder().decode(bytes.subarray(at + 4, at + 8))}`
    const body = bytes.subarray(at + 8, at + size)
    found.set(name, body)
    if (/(moov|trak|mdia|minf|dinf|stbl|mvex)$/.test(name))
      for (const [inner, value] of boxes(body, `${name}/`)) found.set(inner, value)
  }
  return found
}

const word = (body: Uint8Array | undefined, at: number): number =>
  new DataView(body!.buffer, body!.byteOffset).getUint32(at)

test.each([
  ['AAC', aacInit(), 1024],
  ['Opus', opusInit(), 960],
])(
  'the init segment of %s is ftyp and moov, with mvex, without samples, durations or an edit list',
  (_name, init, frame) => {
    const found = boxes(init)
    expect(word(found.get('moov/mvex/trex'), 12)).toBe(frame)
    expect([...found.keys()].filter((name) => !name.includes('/'))).toEqual(['ftyp', 'moov'])
    expect(new TextDecoder().decode(found.get('ftyp')!.subarray(0, 4))).toBe('iso6')
    expect(found.has('moov/mvex/trex')).toBe(true)
    expect(found.has('moov/trak/edts')).toBe(false)
    expect(word(found.get('moov/mvhd'), 16)).toBe(0)
    expect(word(found.get('moov/trak/tkhd'), 20)).toBe(0)
    expect(word(found.get('moov/trak/mdia/mdhd'), 12)).toBe(48_000)
    expect(word(found.get('moov/trak/mdia/mdhd'), 16)).toBe(0)
    for (const name of ['stts', 'stsc', 'stco'])
      expect(word(found.get(`moov/trak/mdia/minf/stbl/${name}`), 4)).toBe(0)
    expect(word(found.get('moov/trak/mdia/minf/stbl/stsz'), 8)).toBe(0)
    expect(found.get('moov/mvhd')).toHaveLength(100)
    expect(found.get('moov/trak/tkhd')).toHaveLength(84)
  },
)

test('the Opus entry says one channel and no pre-skip, and that a decoder needs 80 ms to be right', () => {
  const found = boxes(opusInit())
  const entry = found.get('moov/trak/mdia/minf/stbl/stsd')!.subarray(8)
  expect(new TextDecoder().decode(entry.subarray(4, 8))).toBe('Opus')
  const config = Buffer.from(entry.subarray(36))
  expect(config.subarray(4, 8).toString()).toBe('dOps')
  expect([...config.subarray(8)]).toEqual([0, 1, 0, 0, 0, 0, 0xbb, 0x80, 0, 0, 0])
  const group = Buffer.from(found.get('moov/trak/mdia/minf/stbl/sgpd')!)
  expect(group.subarray(4, 8).toString()).toBe('roll')
  expect(group.readInt16BE(20)).toBe(-4)
})
