# docker build -t sluice . && docker run --rm -p 8080:8080 -p 8081:8081 sluice

FROM debian:trixie-slim AS build
ENV XDG_CACHE_HOME=/var/cache
WORKDIR /usr/src/sluice
# What changes seldom comes first, so that its layer is kept.
COPY scripts scripts
RUN scripts/setup build && rm -rf /var/lib/apt/lists/*
COPY CMakeLists.txt CMakePresets.json LICENSE ./
COPY cmake cmake
COPY models models
COPY src src
RUN --mount=type=cache,target=/var/cache/sluice/ccache \
    cmake --preset release -D SLUICE_TESTS=OFF && cmake --build build/release --target sluice
RUN scripts/package /out

FROM debian:trixie-slim
COPY --from=build /out/packages /tmp/packages
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        ca-certificates $(cat /tmp/packages) \
    && rm -rf /var/lib/apt/lists/* /tmp/packages \
    && useradd --system --uid 10001 --create-home --home-dir /var/lib/sluice sluice
COPY --from=build /out/bin /usr/local/bin
COPY --from=build /out/lib /usr/local/lib
COPY --from=build /out/share /usr/local/share
COPY examples /usr/local/share/sluice/examples
COPY deploy /usr/local/share/sluice/deploy

USER 10001
WORKDIR /usr/local/share/sluice
ENV SLUICE_DATA_DIR=/var/lib/sluice
VOLUME /var/lib/sluice
EXPOSE 8080 8081
# No curl in the image: the shell asks for the readiness itself.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/${SLUICE_HEALTH_PORT:-8080} && printf 'GET /health/ready HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && read -r line <&3 && [[ $line == *' 200 '* ]]"]
ENTRYPOINT ["sluice"]
CMD ["serve", "--config", "deploy/container.yaml"]
