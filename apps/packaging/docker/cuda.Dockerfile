# The program with CUDA 13, for all GPUs of compute capability 8.0 or newer. Needs a driver of release 580 or newer and
# NVIDIA's container toolkit. Not yet built by anyone: tests/package/check_dockerfiles.py reads it.
#   docker build -t xrtrain:cuda -f apps/packaging/docker/cuda.Dockerfile .
#   docker run --rm --gpus all -u "$(id -u)" -v "$PWD:/data" xrtrain:cuda train --device cuda --data xrays --out run
FROM nvidia/cuda:13.0.0-devel-ubuntu24.04 AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
    dpkg-dev git g++ cmake ninja-build \
    libfmt-dev libcli11-dev libcpp-httplib-dev libtomlplusplus-dev nlohmann-json3-dev libstb-dev libdnnl-dev libhnswlib-dev \
    libjpeg-dev libtiff-dev libwebp-dev libgif-dev libopenjp2-7-dev libcharls-dev libgdcm-dev zlib1g-dev \
    libonnx-dev libprotobuf-dev openmpi-bin libopenmpi-dev libcpp-httplib-dev
WORKDIR /source
COPY . .
RUN cmake --preset release-cuda -D CMAKE_UNITY_BUILD=ON -D XR_BUILD_TESTS=OFF -D XR_SIMT=OFF && \
    cmake --build build-cuda && \
    cpack --config build-cuda/CPackConfig.cmake -G DEB -B /packages

# With cuDNN and cuBLAS as fallback: nvidia/cuda:13.0.0-cudnn-runtime-ubuntu24.04.
FROM nvidia/cuda:13.0.0-base-ubuntu24.04
COPY --from=build /packages/xrtrain_*.deb /tmp/xrtrain.deb
RUN apt-get update && apt-get install -y --no-install-recommends /tmp/xrtrain.deb && \
    rm -rf /tmp/xrtrain.deb /var/lib/apt/lists/*
# The user that -u names has no home here.
ENV XRTRAIN_CACHE=/data/.xrtrain-cache
WORKDIR /data
ENTRYPOINT ["xrtrain"]
CMD ["--help"]
