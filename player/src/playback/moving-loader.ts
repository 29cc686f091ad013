import type { Callbacks, Context, Loader, LoaderClass, Stats } from './growing/loaders.ts'
import type { Origins } from './origins.ts'

/** What no origin answers by itself: nobody is there, or nobody behind the proxy. */
const NOBODY = [0, 502, 504]

/** A loader of hls.js that asks the next server at once when one can't be reached: hls.js notices nothing. */
export function movingLoader<C extends Context, A>(
  network: LoaderClass<C, A>,
  origins: Origins,
): LoaderClass<C, A> {
  if (origins.count === 1) return network
  return class MovingLoader implements Loader<C> {
    context: C | null = null
    /** One for all tries: hls.js keeps it from the beginning on. */
    readonly stats: Stats
    readonly #config: A
    #loader: Loader<C>

    constructor(config: A) {
      this.#config = config
      this.#loader = new network(config)
      this.stats = this.#loader.stats
    }

    load(context: C, config: unknown, callbacks: Callbacks<C>, tries = 1): void {
      this.context = context
      const url = (context.url = origins.address(context.url))
      this.#loader.load(context, config, {
        ...callbacks,
        onError: (error, ...rest) => {
          if (NOBODY.includes(error.code)) origins.failed(url)
          if (!NOBODY.includes(error.code) || tries >= origins.count || this.stats.aborted)
            return callbacks.onError(error, ...rest)
          this.#loader.destroy()
          this.#loader = new network(this.#config)
          Object.assign(this.stats, { aborted: false, loading: { start: 0, first: 0, end: 0 } })
          this.#loader.stats = this.stats
          this.load(context, config, callbacks, tries + 1)
        },
        onTimeout: (...late) => {
          origins.failed(url)
          callbacks.onTimeout?.(...late)
        },
      })
    }

    abort(): void {
      this.#loader.abort()
    }
    destroy(): void {
      this.#loader.destroy()
    }
    getCacheAge(): number | null {
      return this.#loader.getCacheAge?.() ?? null
    }
    getResponseHeader(name: string): string | null {
      return this.#loader.getResponseHeader?.(name) ?? null
    }
  }
}
