import { createI18n } from 'vue-i18n'
import { expect, test } from 'vitest'
import { compileMessage } from './message-format.ts'
import backstageEn from './messages/backstage/en.ts'
import backstageFr from './messages/backstage/fr.ts'
import en from './messages/en.ts'
import fr from './messages/fr.ts'

/** Every message by its path. */
function flat(messages: object, path = ''): [string, string][] {
  return Object.entries(messages).flatMap(([key, value]: [string, string | object]) =>
    typeof value === 'string' ? [[path + key, value] as [string, string]] : flat(value, `${path}${key}.`),
  )
}
const placeholders = (message: string): string[] => [...new Set(message.match(/\{\w+\}/g) ?? [])].sort()

test('every language says every message, with the same placeholders and as many plural forms', () => {
  const french = new Map([...flat(fr), ...flat(backstageFr)])
  const english = [...flat(en), ...flat(backstageEn)]
  expect([...french.keys()]).toEqual(english.map(([key]) => key))
  for (const [key, message] of english) {
    expect([key, placeholders(french.get(key)!)]).toEqual([key, placeholders(message)])
    expect([key, french.get(key)!.split(' | ').length]).toEqual([key, message.split(' | ').length])
  }
})

test('a message takes names and the plural form of its number', () => {
  const { t } = createI18n({
    legacy: false,
    locale: 'en',
    messageCompiler: compileMessage,
    messages: {
      en: { hello: 'Hello {name}', seats: 'no seat | one seat | {count} seats', days: 'day | days' },
    },
  }).global
  expect(t('hello', { name: 'Ana' })).toBe('Hello Ana')
  expect([0, 1, 12].map((number) => t('seats', number))).toEqual(['no seat', 'one seat', '12 seats'])
  expect(t('seats', { count: '1.2K' }, 1200)).toBe('1.2K seats')
  expect([0, 1, 2].map((number) => t('days', number))).toEqual(['days', 'day', 'days'])
})
