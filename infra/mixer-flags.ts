/**
 * How Node runs where nothing but stages is mixed (docs/decisions/0014): what werift throws away is swept up often and in little pieces, by the
 * thread that beats. `npm run start:ingest` and docker-compose.yml have the same.
 */
export const MIXER_FLAGS = [
  '--max-semi-space-size=2',
  '--no-parallel-scavenge',
  '--initial-old-space-size=256',
] as const
