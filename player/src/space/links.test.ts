import { expect, test } from 'vitest'
import { linked } from './links.ts'

const hrefs = (text: string): (string | undefined)[] =>
  linked(text).flatMap(({ href }) => (href === undefined ? [] : [href]))

test('addresses are links, and what stands around them is text', () => {
  expect(linked('See https://example.org/a?b=1#c, or not.')).toEqual([
    { text: 'See ' },
    { text: 'https://example.org/a?b=1#c', href: 'https://example.org/a?b=1#c' },
    { text: ', or not.' },
  ])
  expect(hrefs('(https://example.org) https://fr.wikipedia.org/wiki/Odéon_(théâtre).')).toEqual([
    'https://example.org/',
    'https://fr.wikipedia.org/wiki/Od%C3%A9on_(th%C3%A9%C3%A2tre)',
  ])
})

test('nothing else is: no script, no address that shows another than it leads to, no half of one', () => {
  for (const text of [
    'javascript:alert(1)',
    'https://bank.example@evil.example/',
    'https://',
    'data:text/html,x',
    '<b>x</b>',
  ])
    expect(linked(text)).toEqual([{ text }])
})

test('no letter is lost', () => {
  for (const text of ['', 'a', 'x https://a.b/c) https://d.e! y', 'https://a.b'])
    expect(
      linked(text)
        .map((piece) => piece.text)
        .join(''),
    ).toBe(text)
})
