import type { MessageCompiler, MessageContext } from 'vue-i18n'

/**
 * What a message may hold: `{name}`, and plural forms between bars. vue-i18n's own compiler knows more, and would be 5 kB of every page.
 */
export const compileMessage: MessageCompiler = (message) => {
  const forms = String(message).split(' | ')
  return (context: MessageContext) => {
    const form = forms.length > 1 ? context.plural(forms) : forms[0]!
    return form.replace(/\{(\w+)\}/g, (_all: string, name: string) => String(context.named(name)))
  }
}
