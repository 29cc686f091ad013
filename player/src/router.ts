import { createRouter, createWebHistory } from 'vue-router'

export const router = createRouter({
  history: createWebHistory(),
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
  routes: [
    { path: '/', name: 'front', component: () => import('./pages/FrontPage.vue') },
    {
      path: '/s/:id',
      name: 'space',
      component: () => import('./pages/SpacePage.vue'),
      props: (route) => ({ id: String(route.params['id']) }),
    },
    { path: '/:path(.*)*', name: 'nowhere', component: () => import('./pages/NotFoundPage.vue') },
  ],
})
