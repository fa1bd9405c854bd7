# The software GPU takes the place of the CUDA runtime library: whoever links CUDA::cudart_static gets it. Included
# before FindCUDAToolkit looks, which leaves a target alone that is there. A build folder that has the programs without it
# keeps all that is compiled for the host, and only links them anew.
option(XR_SOFTWARE_GPU "Run what nvcc makes of the CUDA kernels on the CPU, for tests: implies XR_CUDA=ON" OFF)
if(NOT XR_SOFTWARE_GPU)
  return()
endif()
set(XR_CUDA ON)
set(CMAKE_CUDA_RUNTIME_LIBRARY None)
add_library(CUDA::cudart_static INTERFACE IMPORTED GLOBAL)
target_link_libraries(CUDA::cudart_static INTERFACE xr_software_gpu)
# It reads the PTX in the fat binary, which nvcc would compress.
if(NOT CMAKE_CUDA_FLAGS MATCHES "--no-compress")
  string(APPEND CMAKE_CUDA_FLAGS " --no-compress")
endif()
