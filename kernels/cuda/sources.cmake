# The kernels and what they share: compiled by nvcc in cuda/ and by the host compiler in simt/.
set(XR_KERNEL_SOURCES kernel_backend.cu relu.cu not_yet.cu)
list(TRANSFORM XR_KERNEL_SOURCES PREPEND ${PROJECT_SOURCE_DIR}/kernels/cuda/)
