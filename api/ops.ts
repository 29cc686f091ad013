import type { ServerResponse } from 'node:http'
import { messageOf } from '@odeon/common/errors.ts'
import type { Registry } from '@odeon/common/metrics.ts'
import type { Ports } from '@odeon/common/ports.ts'
import type { Request, Response } from './server.ts'

export interface OpsOptions {
  registry: Registry
  ports: Ports
  /** This process is about to stop: send it nobody any more. */
  leaving?: () => boolean
}

const READY_MS = 2000

/** `/healthz` (alive), `/readyz` (the store and the log answer), `/metrics` (Prometheus). */
export function createOps({
  registry,
  ports,
  leaving = () => false,
}: OpsOptions): (request: Request, response: Response) => boolean {
  const ready = async (): Promise<void> => {
    if (leaving()) throw new Error('this process is stopping')
    const answers = Promise.all([ports.store.get('ready'), ports.log.newest('ready')])
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(new Error(`no answer within ${READY_MS} ms`)), READY_MS)
    await Promise.race([answers, late]).finally(() => clearTimeout(timer))
  }
  return (request, response) => {
    const answer = (status: number, body: string, type = 'text/plain; charset=utf-8'): void => {
      const plain = response as ServerResponse
      plain.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' })
      plain.end(body)
    }
    switch (request.url?.split('?')[0]) {
      case '/healthz':
        answer(200, 'alive\n')
        return true
      case '/readyz':
        ready().then(
          () => answer(200, 'ready\n'),
          (error: unknown) => answer(503, `not ready: ${messageOf(error)}\n`),
        )
        return true
      case '/metrics':
        registry.metrics().then(
          (text) => answer(200, text, registry.contentType),
          (error: unknown) => answer(500, `${messageOf(error)}\n`),
        )
        return true
      default:
        return false
    }
  }
}
