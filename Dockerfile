# Odeon in one image: every role of it, chosen by `--roles`. Two stages, so that what builds the page is not in what runs.

FROM node:22-bookworm-slim AS build
WORKDIR /odeon
COPY package.json package-lock.json .npmrc ./
COPY common/package.json common/
COPY ingest/package.json ingest/
COPY transcoder/package.json transcoder/
COPY api/package.json api/
COPY player/package.json player/
COPY infra/package.json infra/
RUN npm ci
COPY . .
RUN npm run build && npm prune --omit=dev

FROM node:22-bookworm-slim
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 ODEON_DATA=/var/lib/odeon
WORKDIR /odeon
COPY --from=build /odeon ./
RUN mkdir -p /var/lib/odeon && chown node:node /var/lib/odeon
USER node
VOLUME /var/lib/odeon
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + process.env.PORT + '/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
# The Node that runs Odeon is the one of package.json, which reads TypeScript; SIGTERM reaches it, since nothing stands between.
ENTRYPOINT ["node_modules/.bin/node", "infra/start.ts"]
