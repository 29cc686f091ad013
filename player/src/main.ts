import { createApp } from 'vue'
import App from './App.vue'
import { i18n, showPreferredLocale } from './i18n/i18n.ts'
import { router } from './router.ts'
import './styles/main.css'

const app = createApp(App).use(i18n).use(router) // The router fetches the page while the language comes.
void showPreferredLocale().then(() => app.mount('#app'))
