/**
 * The servers that have the sound: first the one that the page came from, then those that the page names (`ODEON_ORIGINS`). Whoever can't be
 * reached is left for the next one at once, and stayed away from as long as that one answers.
 */

export interface OriginsOptions {
  /** `https://host:port`, none twice. The first is the one to begin with. */
  origins: readonly [string, ...string[]]
  fetch: typeof fetch
}

/** What a proxy says when nobody is behind it. 503 is an origin's own word for "not yet". */
const nobodyThere = (status: number): boolean => status === 502 || status === 504

export class Origins {
  readonly #origins: readonly [string, ...string[]]
  readonly #fetch: typeof fetch
  #current = 0
  /** How often another one was taken. */
  changes = 0

  constructor({ origins, fetch }: OriginsOptions) {
    this.#origins = origins
    this.#fetch = fetch
  }

  /** How many there are to turn to. */
  get count(): number {
    return this.#origins.length
  }

  /** The same address at the server that is used now; an address of somebody else stays as it is. */
  address(url: string): string {
    const { origin } = new URL(url, this.#origins[0])
    if (!this.#origins.includes(origin)) return url
    return new URL(url, this.#origins[0]).href.replace(origin, this.#origins[this.#current]!)
  }

  /** Nobody answered at this address: the next server is used from now on, unless one of the others is already. */
  failed(url: string): void {
    if (this.count === 1 || new URL(url, this.#origins[0]).origin !== this.#origins[this.#current]) return
    this.#current = (this.#current + 1) % this.count
    this.changes++
  }

  /** As `fetch`, asking each server once until one answers. Rejects with the last one's error. */
  readonly fetch = async (url: string, init?: RequestInit): Promise<Response> => {
    for (let tries = 1; ; tries++) {
      const address = this.address(url)
      try {
        const response = await this.#fetch(address, init)
        if (!nobodyThere(response.status) || tries >= this.count) return response
      } catch (error) {
        if (init?.signal?.aborted || tries >= this.count) {
          if (!init?.signal?.aborted) this.failed(address)
          throw error
        }
      }
      this.failed(address)
    }
  }
}

/** What the page says: `<meta name="odeon-origins" content="https://a https://b">`. */
function originsOfPage(): readonly [string, ...string[]] {
  const { origin } = location
  const named = document.querySelector<HTMLMetaElement>('meta[name="odeon-origins"]')?.content ?? ''
  return [origin, ...named.split(' ').filter((other) => other !== '' && other !== origin)]
}

let ofPage: Origins | undefined

/** Those of this page: all its listening goes through them. */
export const pageOrigins = (): Origins =>
  (ofPage ??= new Origins({ origins: originsOfPage(), fetch: (...request) => fetch(...request) }))
