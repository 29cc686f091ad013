import { Counter, Gauge, Histogram, Registry } from 'prom-client'

/** One registry a process, handed down by whoever starts the parts. Metric names begin with `odeon_`. */
export { Counter, Gauge, Histogram, Registry }

/** Buckets for lateness and delay, seconds. */
export const DELAY_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]
