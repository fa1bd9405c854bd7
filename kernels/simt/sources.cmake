# The executor's sources, relative to this folder.
set(XR_SIMT_SOURCES async_copy.cpp config.cpp executor.cpp fiber.cpp mma.cpp program_image.cpp run_queue.cpp scheduler.cpp
                    shared_memory.cpp waiting.cpp warp.cpp)
# GCC gives the sections of shared variables (device.h) a type that its assembler would have chosen otherwise.
# "#pragma unroll" is nvcc's.
set(XR_SIMT_KERNEL_OPTIONS -Wno-unknown-pragmas $<$<CXX_COMPILER_ID:GNU>:-Wa,--no-warn>)
# The executor hides its own data from ThreadSanitizer (sanitizers.h): without instrumentation that takes less time.
if(XR_SANITIZE STREQUAL "thread")
  set_source_files_properties(fiber.cpp run_queue.cpp scheduler.cpp waiting.cpp PROPERTIES
    COMPILE_OPTIONS -fno-sanitize=thread COMPILE_DEFINITIONS XR_SIMT_TSAN=1)
endif()
