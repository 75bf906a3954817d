# The image of regcred: one static binary, for amd64 and arm64. It needs BuildKit: Docker 23 or newer has it, Docker 20.10 with
# DOCKER_BUILDKIT=1 (Debian 12's docker.io), and podman and buildah build the file as well.
#
#     docker build -t registry.example.com/platform/regcred:0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" .
#     docker buildx build --platform linux/amd64,linux/arm64 -t registry.example.com/platform/regcred:0.1.0 --push .
#
# Nothing is emulated: the first stage runs on the build machine and compiles for the target. Where docker.io and the other
# sources are slow or blocked, each has an argument; these are mirrors in China (others work as well):
#
#     docker build -t registry.example.com/platform/regcred:0.1.0 \
#       --build-arg RUST_IMAGE=docker.m.daocloud.io/library/rust:1.95-slim-bookworm \
#       --build-arg DEBIAN_MIRROR=mirrors.tuna.tsinghua.edu.cn \
#       --build-arg PIP_INDEX_URL=https://pypi.tuna.tsinghua.edu.cn/simple \
#       --build-arg RUSTUP_DIST_SERVER=https://rsproxy.cn \
#       --build-arg CARGO_MIRROR=sparse+https://rsproxy.cn/index/ .
#
# An existing binary (.ci/static amd64), in the folder DIR under the name regcred, replaces the first stage:
#
#     buildah bud --build-context build=DIR -t registry.example.com/platform/regcred:0.1.0 .

# The default is a tag, not a digest. A tag can move, so two builds of one revision can get different base images. To pin the base
# image, pass its digest: --build-arg RUST_IMAGE=docker.io/library/rust:1.95-slim-bookworm@sha256:…
# `docker buildx imagetools inspect rust:1.95-slim-bookworm` prints the digest that the tag has today.
ARG RUST_IMAGE=docker.io/library/rust:1.95-slim-bookworm

# Without BuildKit the variable is empty, and the error quotes this name.
FROM --platform=${BUILDPLATFORM:-regcred-needs-BuildKit} ${RUST_IMAGE} AS build
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

# Everything from the network, before the sources: these layers last until a version changes. cargo reads the manifests only if
# each names a file that exists.
COPY Cargo.toml Cargo.lock ./
COPY engine/Cargo.toml engine/
COPY benches/empty/Cargo.toml benches/empty/
COPY benches/server/Cargo.toml benches/server/
COPY playground/Cargo.toml playground/
COPY .ci/static .ci/zig-requirements.txt .ci/
ARG PIP_INDEX_URL=https://pypi.org/simple
ARG RUSTUP_DIST_SERVER=https://static.rust-lang.org
ARG TARGETARCH
RUN mkdir -p src engine/src engine/benches benches/empty/src benches/server/src playground/src \
    && touch src/lib.rs src/main.rs engine/src/lib.rs engine/benches/judge.rs benches/empty/src/main.rs benches/server/src/main.rs playground/src/lib.rs \
    && .ci/static "${TARGETARCH:-$(dpkg --print-architecture)}" --fetch

# What was compiled is kept from build to build. The sources' times are those of a checkout, which can be older than that.
COPY . .
ARG REVISION=
RUN --mount=type=cache,target=/source/target,sharing=locked \
    find src engine benches -name '*.rs' -exec touch {} + \
    && REGCRED_REVISION="$REVISION" .ci/static "${TARGETARCH:-$(dpkg --print-architecture)}" \
    && case "$TARGETARCH" in arm64) machine=aarch64 ;; amd64) machine=x86_64 ;; *) machine=$(uname -m) ;; esac \
    && install -m 0755 "target/$machine-unknown-linux-musl/release/regcred" /regcred

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=
# The address of the repository that it was built from.
ARG SOURCE=
LABEL org.opencontainers.image.title="regcred" \
      org.opencontainers.image.description="Kubernetes admission webhook that repairs and refuses image pull Secrets" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.source="$SOURCE"
COPY --from=build /regcred /regcred
# The licence of regcred and those of the libraries in the binary.
COPY LICENSE THIRD_PARTY.md /licenses/
# Huge pages would double the resident memory at rest, and freed memory returns after 10 ms instead of a second: under a flood of
# large requests the Pod would otherwise need twice its limit (docs/benchmarks.md, "Memory").
ENV MIMALLOC_ALLOW_THP=0 MIMALLOC_PURGE_DELAY=10
# A number, because there is no /etc/passwd and runAsNonRoot has to recognise it.
USER 65532:65532
# The program's own default; the manifests set 10250.
EXPOSE 8443 8080
ENTRYPOINT ["/regcred"]
