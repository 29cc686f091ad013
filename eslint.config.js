import tseslint from 'typescript-eslint'
import vue from 'eslint-plugin-vue'

/** Libraries that one file alone may import, so that it is also the one file to change. */
const wrapped = {
  werift: 'ingest/werift-{peer,speaker}.ts', // The server's side, and a client's for tests and benches.
  'libopus-wasm': 'common/opus.ts',
  'fluent-ffmpeg': 'transcoder/ffmpeg.ts',
  'hls.js': 'player/src/playback/hls.ts',
  'hls.js/light': 'player/src/playback/hls.ts',
  bullmq: 'common/adapters/redis/jobs.ts',
  ioredis: 'common/adapters/redis/connection.ts',
  minio: 'common/adapters/s3/objects.ts',
  sharp: 'api/control/{picture,testing/pictures}.ts', // The server's side, and pictures for tests.
}
const services = ['ingest', 'transcoder', 'api', 'player']

/** What code in `folder` may not import: wrapped libraries (but those of `home`, a file) and the other services. */
const restricted = (folder, home) => [
  'error',
  {
    paths: Object.entries(wrapped)
      .filter(([, file]) => file !== home)
      .map(([name, file]) => ({ name, message: `Only ${file} knows ${name}.` })),
    patterns: services
      .filter((service) => service !== folder && folder !== 'infra')
      .map((service) => ({
        regex: `(^@odeon/${service}/|\\.\\./${folder === 'player' ? '\\.\\./' : ''}${service}/)`, // The page has an api folder of its own.
        message: 'No service imports another; they meet in common.',
      })),
  },
]

export default tseslint.config(
  { ignores: ['**/dist/', '**/node_modules/', 'data/'] },
  ...tseslint.configs.recommended,
  ...vue.configs['flat/recommended'],
  {
    files: ['**/*.vue'],
    languageOptions: { parserOptions: { parser: tseslint.parser } },
    rules: {
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/html-self-closing': 'off',
      'vue/html-indent': 'off',
      'vue/html-closing-bracket-newline': 'off',
      'vue/multi-word-component-names': 'off',
    },
  },
  {
    rules: {
      'no-undef': 'off', // TypeScript knows.
      eqeqeq: 'error',
      'no-console': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
    },
  },
  ...['common', ...services, 'infra'].map((folder) => ({
    files: [`${folder}/**/*.{ts,vue}`],
    rules: { 'no-restricted-imports': restricted(folder) },
  })),
  ...Object.values(wrapped).map((file) => ({
    files: [file],
    rules: { 'no-restricted-imports': restricted(file.split('/')[0], file) },
  })),
  {
    files: ['infra/**/*.ts', 'common/**/*.ts', 'ingest/**/*.ts', 'transcoder/**/*.ts', 'api/**/*.ts'],
    languageOptions: { parserOptions: { projectService: true } },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
    },
  },
  { files: ['infra/**/*.ts'], rules: { 'no-console': 'off' } },
)
