import { onScopeDispose, shallowReactive } from 'vue'

/** The keys that do something now, for the help dialog: the latest one wins where two want the same. */
export interface Shortcut {
  /** As `KeyboardEvent.key`, in lower case. */
  key: string
  /** The message key of what it does. */
  label: string
  run(): void
  /** Asked at each press, and by the help dialog. */
  enabled?(): boolean
}

export const shortcuts: Shortcut[] = shallowReactive([])

/** Keys that work as long as the scope lives. */
export function useShortcuts(...added: Shortcut[]): void {
  shortcuts.push(...added)
  onScopeDispose(() => {
    for (const shortcut of added) shortcuts.splice(shortcuts.indexOf(shortcut), 1)
  })
}

/** Where keys are letters of a text, or already mean something. */
const takesKeys = (target: EventTarget | null): boolean =>
  target instanceof Element &&
  target.closest('input:not([type=range]), textarea, select, [contenteditable]') !== null

const isDialogOpen = (): boolean => document.querySelector('dialog[open]') !== null

/** Listens for the whole page; call once. */
export function listenForShortcuts(): void {
  window.addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return
    if (takesKeys(event.target) || isDialogOpen()) return
    if (event.key === ' ' && event.target instanceof Element && event.target.closest('button, a')) return
    const key = event.key.toLowerCase()
    if (key.startsWith('arrow') && event.target instanceof HTMLInputElement) return // A slider moves itself.
    const shortcut = shortcuts.findLast((known) => known.key === key && (known.enabled?.() ?? true))
    if (!shortcut) return
    event.preventDefault()
    shortcut.run()
  })
}
