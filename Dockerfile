# The image of regcred: one static binary, for amd64 and arm64.
#
#     docker build -t registry.example.com/platform/regcred:0.1.0 .
#     docker buildx build --platform linux/amd64,linux/arm64 -t registry.example.com/platform/regcred:0.1.0 --push .
#
# Nothing is emulated: the first stage runs on the machine that builds, and compiles for the one asked for. Where docker.io
# and the others are slow or closed, each has its argument; these are mirrors in China (any other will do):
#
#     docker build -t registry.example.com/platform/regcred:0.1.0 \
#       --build-arg RUST_IMAGE=docker.m.daocloud.io/library/rust:1.95-slim-bookworm \
#       --build-arg DEBIAN_MIRROR=mirrors.tuna.tsinghua.edu.cn \
#       --build-arg PIP_INDEX_URL=https://pypi.tuna.tsinghua.edu.cn/simple \
#       --build-arg RUSTUP_DIST_SERVER=https://rsproxy.cn \
#       --build-arg CARGO_MIRROR=sparse+https://rsproxy.cn/index/ .
#
# A binary that is already there (.ci/static amd64) takes the place of the first stage, in the folder DIR under the name regcred:
#
#     buildah bud --build-context build=DIR -t registry.example.com/platform/regcred:0.1.0 .

ARG RUST_IMAGE=docker.io/library/rust:1.95-slim-bookworm

FROM --platform=$BUILDPLATFORM ${RUST_IMAGE} AS build
ARG DEBIAN_MIRROR=deb.debian.org
RUN find /etc/apt/sources.list* -type f -exec sed -i "s|deb.debian.org|$DEBIAN_MIRROR|g" {} + \
    && apt-get update \
    && apt-get install --yes --no-install-recommends python3-pip \
    && rm -rf /var/lib/apt/lists/*
ARG CARGO_MIRROR=
RUN if [ -n "$CARGO_MIRROR" ]; then \
      printf '[source.crates-io]\nreplace-with = "mirror"\n[source.mirror]\nregistry = "%s"\n' "$CARGO_MIRROR" \
        >> "$CARGO_HOME/config.toml"; \
    fi
WORKDIR /source
COPY . .
ARG PIP_INDEX_URL=https://pypi.org/simple
ARG RUSTUP_DIST_SERVER=https://static.rust-lang.org
ARG TARGETARCH
RUN .ci/static "${TARGETARCH:-$(dpkg --print-architecture)}" \
    && install -m 0755 target/*-unknown-linux-musl/release/regcred /regcred

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=
LABEL org.opencontainers.image.title="regcred" \
      org.opencontainers.image.description="Kubernetes admission webhook that corrects and refuses image-pull Secrets" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
COPY --from=build /regcred /regcred
# Huge pages would double what is resident at rest, and what is freed goes back after 10 ms instead of a second: under a flood of
# large requests the pod would need twice its limit otherwise (docs/benchmarks.md, "Memory").
ENV MIMALLOC_ALLOW_THP=0 MIMALLOC_PURGE_DELAY=10
# by number, since there is no /etc/passwd, and so that runAsNonRoot can tell
USER 65532:65532
EXPOSE 8443 8080
ENTRYPOINT ["/regcred"]
