# Sources of the executor, relative to this folder.
set(XR_SIMT_SOURCES async_copy.cpp config.cpp executor.cpp fiber.cpp mma.cpp)
