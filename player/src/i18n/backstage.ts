import { defineAsyncComponent, type Component } from 'vue'
import { backstageWords } from './i18n.ts'

/** A component of those who speak or lead, fetched together with its words. */
export const backstageComponent = <T extends Component>(load: () => Promise<{ default: T }>): T =>
  defineAsyncComponent(async () => (await Promise.all([load(), backstageWords()]))[0])
