import { findProgram, freePorts, startProgram, temporaryFolder, type Program } from './programs.ts'

/** A private MinIO on the loopback, or the S3 server that `S3_ENDPOINT` and its keys name. */

const MINIO = findProgram('minio')
/** Whether it may be killed. */
export const OWNS_S3 = MINIO !== undefined && process.env['S3_ENDPOINT'] === undefined
export const HAS_S3 = MINIO !== undefined || process.env['S3_ENDPOINT'] !== undefined
export const HOW_TO_INSTALL_S3 =
  'needs an S3 server: GOBIN=~/.cache/odeon/bin go install github.com/minio/minio@latest, or S3_ENDPOINT, S3_ACCESS_KEY and S3_SECRET_KEY of one'

export interface TestS3 {
  endpoint: string
  accessKey: string
  secretKey: string
  /** Kills it; what is on disk stays. Throws where the server is somebody else's. */
  kill(): Promise<void>
  /** Starts it again on its port and its disk. */
  start(): Promise<void>
  close(): Promise<void>
}

export async function startS3(): Promise<TestS3> {
  const { S3_ENDPOINT, S3_ACCESS_KEY = '', S3_SECRET_KEY = '' } = process.env
  if (S3_ENDPOINT)
    return {
      endpoint: S3_ENDPOINT,
      accessKey: S3_ACCESS_KEY,
      secretKey: S3_SECRET_KEY,
      kill: () => Promise.reject(new Error('S3_ENDPOINT is not ours to kill.')),
      start: () => Promise.reject(new Error('S3_ENDPOINT is not ours to start.')),
      close: () => Promise.resolve(),
    }
  const [port, console] = (await freePorts(2)) as [number, number]
  const folder = temporaryFolder()
  const keys = { accessKey: 'odeon-test', secretKey: 'odeon-test-secret' }
  const run = (): Promise<Program> =>
    startProgram(
      MINIO!,
      ['server', folder.path, '--address', `127.0.0.1:${port}`, '--console-address', `127.0.0.1:${console}`],
      {
        ready: /API: /,
        env: { MINIO_ROOT_USER: keys.accessKey, MINIO_ROOT_PASSWORD: keys.secretKey, MINIO_BROWSER: 'off' },
      },
    )
  let program = await run()
  return {
    endpoint: `http://127.0.0.1:${port}`,
    ...keys,
    kill: () => program.stop('SIGKILL'),
    async start() {
      program = await run()
    },
    async close() {
      await program.stop()
      folder.remove()
    },
  }
}
