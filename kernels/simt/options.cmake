# How kernels are compiled for the host. GCC gives the sections of shared variables (device.h) a type that its assembler
# would have chosen otherwise. "#pragma unroll" is nvcc's.
set(XR_SIMT_KERNEL_OPTIONS -Wno-unknown-pragmas $<$<CXX_COMPILER_ID:GNU>:-Wa,--no-warn>)
