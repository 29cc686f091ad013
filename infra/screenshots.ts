import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { takePages } from './screenshots/pages.ts'
import { takeRoom } from './screenshots/room.ts'
import { openStudio, type Studio } from './screenshots/studio.ts'

/**
 * `node infra/screenshots.ts [folder]`: pictures of the pages as they really are, in real browsers. Into `docs`, if no folder is given: the
 * pages into `screenshots` there, the states of the room into `room`. `--all` takes every page in every theme and width; `--pages` and
 * `--room` take one of the two.
 */

const has = (flag: string): boolean => process.argv.includes(flag)
const folder =
  process.argv.slice(2).find((argument) => !argument.startsWith('--')) ??
  fileURLToPath(new URL('../docs', import.meta.url))

/** In a studio of its own: the browsers of the one would slow those of the other. */
async function inStudio(take: (studio: Studio) => Promise<void>): Promise<void> {
  const studio = await openStudio()
  try {
    await take(studio)
  } finally {
    await studio.close()
  }
}

if (!has('--room'))
  await inStudio((studio) => takePages(studio, { folder: join(folder, 'screenshots'), all: has('--all') }))
if (!has('--pages')) await inStudio((studio) => takeRoom(studio, { folder: join(folder, 'room') }))
