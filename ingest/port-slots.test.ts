import { expect, test } from 'vitest'
import { PortSlots } from './port-slots.ts'

test('each speaker gets ports of his own, given back when he leaves; without any left the sentence names the setting', () => {
  const slots = new PortSlots([40_000, 40_009])
  const first = slots.take()
  expect([first.range, slots.take().range]).toEqual([
    [40_000, 40_003],
    [40_004, 40_007],
  ])
  expect(() => slots.take()).toThrow(/40000-40009.*ODEON_UDP_PORTS/)
  first.release()
  first.release()
  expect(slots.take().range).toEqual([40_000, 40_003])
  expect(() => slots.take()).toThrow('in use')
})
