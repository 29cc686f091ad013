import { computed } from 'vue'
import { createI18n } from 'vue-i18n'
import { compileMessage } from './message-format.ts'
import type backstageEn from './messages/backstage/en.ts'
import en from './messages/en.ts'

/** A language is a file in `messages/`, of the shape of the English one. */
export type Messages = typeof en

/** The others are fetched when they are wanted. */
const files = import.meta.glob<{ default: Messages }>(['./messages/*.ts', '!./messages/en.ts'])
/** What only those say who speak or lead: fetched with their code. */
const backstage = import.meta.glob<{ default: BackstageMessages }>('./messages/backstage/*.ts')
export type BackstageMessages = typeof backstageEn
let isBackstage = false

export const LOCALES = [
  'en',
  ...Object.keys(files).map((path) => path.slice('./messages/'.length, -'.ts'.length)),
]

const KEY = 'odeon.locale'

export const i18n = createI18n({
  legacy: false,
  locale: 'en',
  fallbackLocale: 'en',
  messageCompiler: compileMessage,
  messages: { en } as Record<string, Messages>,
})

/** The language with the reader's region, for numbers and times: `en-GB` where the browser says so. */
export const region = computed(() => {
  const language = i18n.global.locale.value
  return navigator.languages.find((tag) => tag.split('-')[0] === language) ?? language
})

/** The one that was chosen here before, else the first that the browser asks for and we have, else English. */
function preferred(): string {
  const asked = [stored(), ...navigator.languages].map((tag) => tag?.split('-')[0])
  return asked.find((tag): tag is string => tag !== undefined && LOCALES.includes(tag)) ?? 'en'
}

function stored(): string | undefined {
  try {
    return localStorage.getItem(KEY) ?? undefined
  } catch {
    return undefined // Storage is forbidden here.
  }
}

/** Loads a language and shows it. One that can't be fetched leaves the page as it is. */
async function show(tag: string): Promise<void> {
  try {
    const file = await files[`./messages/${tag}.ts`]?.()
    if (file) i18n.global.setLocaleMessage(tag, file.default)
    if (isBackstage) await addBackstageWords(tag)
  } catch {
    return
  }
  i18n.global.locale.value = tag
  document.documentElement.lang = tag
}

async function addBackstageWords(tag: string): Promise<void> {
  const words = await backstage[`./messages/backstage/${tag}.ts`]?.()
  if (words) i18n.global.mergeLocaleMessage(tag, words.default)
}

/** The words of those who speak or lead are there from now on, in every language that is chosen. Rejects when they can't be fetched. */
export async function backstageWords(): Promise<void> {
  if (isBackstage) return
  await addBackstageWords(i18n.global.locale.value)
  isBackstage = true
}

export const showPreferredLocale = (): Promise<void> => show(preferred())

/** The reader's choice, kept for the next visit. */
export async function chooseLocale(tag: string): Promise<void> {
  await show(tag)
  try {
    localStorage.setItem(KEY, tag)
  } catch {
    // Then for this visit.
  }
}
