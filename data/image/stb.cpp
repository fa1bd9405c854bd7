#include <cstdlib>
#include <cstring>
#include <new>
#include <span>

#include "data/image/deflate.h"

// Zeroed memory: what a damaged file leaves unset is at least the same on every run.
#define STBI_MALLOC(size) std::calloc(1, size)
#define STBI_REALLOC(pointer, size) std::realloc(pointer, size)
#define STBI_FREE(pointer) std::free(pointer)

namespace {

/// As stbi_zlib_compress: null if there is no memory; to be freed.
unsigned char* compress(unsigned char* bytes, int count, int* packed_count, int quality) try {
  const auto packed = xr::data::deflate_as_stb(std::span(bytes, static_cast<std::size_t>(count)), quality);
  auto* const result = static_cast<unsigned char*>(std::malloc(packed.size()));
  if (result == nullptr) return nullptr;
  std::memcpy(result, packed.data(), packed.size());
  *packed_count = static_cast<int>(packed.size());
  return result;
} catch (const std::bad_alloc&) {
  return nullptr;
}

}  // namespace

#define STBIW_ZLIB_COMPRESS compress

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include "data/image/stb.h"
