import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { takePages } from './screenshots/pages.ts'
import { takeRoom } from './screenshots/room.ts'
import { openStudio } from './screenshots/studio.ts'

/**
 * `node infra/screenshots.ts [folder]`: pictures of the pages as they really are, in real browsers. Into `docs`, if no folder is given: the
 * pages into `screenshots` there, the states of the room into `room`. `--all` takes every page in every theme and width; `--pages` and
 * `--room` take one of the two.
 */

const has = (flag: string): boolean => process.argv.includes(flag)
const folder =
  process.argv.slice(2).find((argument) => !argument.startsWith('--')) ??
  fileURLToPath(new URL('../docs', import.meta.url))

const studio = await openStudio()
try {
  if (!has('--room')) await takePages(studio, { folder: join(folder, 'screenshots'), all: has('--all') })
  if (!has('--pages')) await takeRoom(studio, { folder: join(folder, 'room') })
} finally {
  await studio.close()
}
