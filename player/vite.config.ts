import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, gzip } from 'node:zlib'
import vue from '@vitejs/plugin-vue'
import { defineConfig, type Plugin, type Rolldown } from 'vite'

/** vue-i18n takes the whole of Vue to find one function in it; like this the rest is left out (21 kB gzipped). */
const shakenI18n: Plugin = {
  name: 'shaken-i18n',
  transform: {
    filter: { id: /vue-i18n\.mjs$/ },
    handler: (code) =>
      code.replace(
        "import * as Vue from 'vue'",
        "import { getCurrentInstance as current } from 'vue'; const Vue = { getCurrentInstance: current }",
      ),
  },
}

/** Asks for the typeface together with the style sheet, not after it. */
const preloadFont: Plugin = {
  name: 'preload-font',
  transformIndexHtml: {
    order: 'post',
    handler: (_html, { bundle }) =>
      Object.keys(bundle ?? {})
        .filter((fileName) => fileName.endsWith('.woff2'))
        .map((fileName) => ({
          tag: 'link',
          attrs: { rel: 'preload', as: 'font', type: 'font/woff2', href: `/${fileName}`, crossorigin: true },
          injectTo: 'head-prepend' as const,
        })),
  },
}

/** The page of the front, and the one of spaces: the same but for what each asks for at once, not when the first script has run. */
const PAGES = { 'index.html': 'FrontPage', 'space.html': 'SpacePage' } as const

const onePageEach: Plugin = {
  name: 'one-page-each',
  generateBundle: {
    order: 'post',
    handler(_options, bundle) {
      const index = bundle['index.html'] as Rolldown.OutputAsset
      const html = String(index.source)
      for (const [fileName, page] of Object.entries(PAGES)) {
        const links = filesOf(page, bundle)
          .filter((file) => !html.includes(`/${file}`))
          .map((file) =>
            file.endsWith('.css')
              ? `<link rel="stylesheet" crossorigin href="/${file}">`
              : `<link rel="modulepreload" crossorigin href="/${file}">`,
          )
        const source = html.replace('</head>', `  ${links.join('\n    ')}\n  </head>`)
        if (fileName === 'index.html') index.source = source
        else this.emitFile({ type: 'asset', fileName, source })
      }
    },
  },
}

/** The script of a page, what it imports, and the styles of both. */
function filesOf(page: string, bundle: Rolldown.OutputBundle): string[] {
  const files = new Set<string>()
  const add = (chunk: Rolldown.OutputAsset | Rolldown.OutputChunk | undefined): void => {
    if (chunk?.type !== 'chunk' || files.has(chunk.fileName)) return
    files.add(chunk.fileName)
    for (const style of chunk.viteMetadata?.importedCss ?? []) files.add(style)
    for (const imported of chunk.imports) add(bundle[imported])
  }
  add(Object.values(bundle).find((file) => file.type === 'chunk' && file.name === page))
  return [...files]
}

/** Writes a `.br` and a `.gz` beside each text file, which the server hands out as they are. Of what was written: until then others change it. */
const compressed: Plugin = {
  name: 'compressed',
  apply: 'build',
  async writeBundle({ dir }, bundle) {
    const names = Object.keys(bundle).filter((name) => /\.(js|css|svg|html)$/.test(name))
    const files = names.map(async (name) => {
      const file = join(dir!, name)
      const text = await readFile(file)
      await writeFile(`${file}.br`, await promisify(brotliCompress)(text))
      await writeFile(`${file}.gz`, await promisify(gzip)(text, { level: 9 }))
    })
    await Promise.all(files)
  },
}

export default defineConfig({
  root: import.meta.dirname,
  plugins: [vue(), shakenI18n, preloadFont, onePageEach, compressed],
  define: {
    __VUE_OPTIONS_API__: false,
    __VUE_PROD_DEVTOOLS__: false,
    __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: false,
    __VUE_I18N_FULL_INSTALL__: false,
    __VUE_I18N_LEGACY_API__: false,
    __INTLIFY_PROD_DEVTOOLS__: false,
    __INTLIFY_DROP_MESSAGE_COMPILER__: true, // src/i18n/message-format.ts takes its place.
  },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0, // The content security policy lets fonts and scripts come as files only.
    reportCompressedSize: false,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        codeSplitting: {
          // What every page needs is two files, not twenty: they compress better, and the first changes seldom.
          groups: [
            { name: 'base', test: (id) => /node_modules/.test(id) && !/hls\.js|@lucide/.test(id) },
            {
              name: 'shared',
              test: (id) => /src\/(shared|api)\/|export-helper/.test(id) && !/Sheet/.test(id),
            },
          ],
        },
      },
    },
  },
  server: {
    proxy: {
      '/api': 'http://localhost:8080',
      '/live': 'http://localhost:8080',
      '/replay': 'http://localhost:8080',
      '/faces': 'http://localhost:8080',
      '/time': 'http://localhost:8080',
    },
  },
})
