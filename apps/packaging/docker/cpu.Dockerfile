# The program on a CPU. Not yet built by anyone: tests/package/check_dockerfiles.py reads it.
#   docker build -t xrtrain -f apps/packaging/docker/cpu.Dockerfile .
#   docker run --rm -u "$(id -u)" -v "$PWD:/data" xrtrain train --data xrays --out run
FROM debian:12 AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
    dpkg-dev git g++ cmake ninja-build \
    libfmt-dev libcli11-dev libcpp-httplib-dev libtomlplusplus-dev nlohmann-json3-dev libstb-dev libdnnl-dev libhnswlib-dev \
    libjpeg62-turbo-dev libtiff-dev libwebp-dev libgif-dev libopenjp2-7-dev libcharls-dev libgdcm-dev zlib1g-dev \
    libonnx-dev libprotobuf-dev openmpi-bin libopenmpi-dev libcpp-httplib-dev
WORKDIR /source
COPY . .
RUN cmake --preset release -D CMAKE_UNITY_BUILD=ON -D XR_BUILD_TESTS=OFF -D XR_SIMT=OFF -D XR_CUDA=OFF && \
    cmake --build build && \
    cpack --config build/CPackConfig.cmake -G DEB -B /packages

FROM debian:12-slim
COPY --from=build /packages/xrtrain_*.deb /tmp/xrtrain.deb
RUN apt-get update && apt-get install -y --no-install-recommends /tmp/xrtrain.deb && \
    rm -rf /tmp/xrtrain.deb /var/lib/apt/lists/*
# The user that -u names has no home here.
ENV XRTRAIN_CACHE=/data/.xrtrain-cache
WORKDIR /data
ENTRYPOINT ["xrtrain"]
CMD ["--help"]
