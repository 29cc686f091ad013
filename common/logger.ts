import { pino, type Logger } from 'pino'

export type { Logger }

/** Structured lines on stdout, one JSON object each. `level` is pino's: fatal, error, warn, info, debug, trace, silent. */
export const createLogger = (level: string): Logger => pino({ level, base: null })
