# The kernels and what they share: compiled by nvcc in cuda/ and by the host compiler in simt/.
set(XR_KERNEL_SOURCES kernel_backend.cu relu.cu not_yet.cu reorder.cu elementwise.cu reduce.cu sgd.cu adam.cu max_pool2d.cu avg_pool2d.cu global_avg_pool2d.cu dropout.cu softmax.cu log_softmax.cu cross_entropy.cu conv2d.cu conv2d_direct.cu conv2d_implicit_gemm.cu conv2d_implicit_gemm_filter.cu gemm.cu gemm_f32.cu gemm_bf16.cu linear.cu matmul.cu)
list(TRANSFORM XR_KERNEL_SOURCES PREPEND ${PROJECT_SOURCE_DIR}/kernels/cuda/)
