// Stores around the caches, at every alignment: the operations reach them with large tensors only.
#include "kernels/common/stream.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <vector>

using namespace xr::kernels;

namespace {

template <class T>
void check_stream_copy() {
  for (std::size_t offset = 0; offset < 64 / sizeof(T); ++offset)
    for (const std::size_t count : {1, 3, 15, 16, 17, 63, 64, 65, 200, 1000}) {
      std::vector<T> from(count), room(count + 256, T{99});
      for (std::size_t i = 0; i < count; ++i) from[i] = static_cast<T>(i % 90);
      T* const to = room.data() + 64 + offset;
      stream_copy(to, from.data(), static_cast<std::int64_t>(count));
      stream_fence();
      CAPTURE(offset, count);
      CHECK(std::memcmp(to, from.data(), count * sizeof(T)) == 0);
      std::size_t untouched = 0;
      for (const T value : room) untouched += value == T{99};
      CHECK(untouched == 256);
    }
}

}  // namespace

TEST_CASE("stream_copy writes what it should at every alignment") {
  check_stream_copy<float>();
  check_stream_copy<std::uint8_t>();
}

TEST_CASE("write_pieces covers the whole range once") {
  for (const bool stream : {false, true})
    for (const std::int64_t period : {1, 48, 3000})
      for (const std::int64_t total : {1, 2047, 2048, 2049, 10007}) {
        std::vector<float> out(static_cast<std::size_t>(total), -1.0f);
        write_pieces(stream, out.data(), total, period,
                     [&](float* to, std::int64_t first, std::int64_t count) {
                       CHECK(first % period == 0);
                       for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<float>(first + i);
                     });
        std::int64_t wrong = 0;
        for (std::int64_t i = 0; i < total; ++i)
          wrong += out[static_cast<std::size_t>(i)] != static_cast<float>(i);
        CHECK(wrong == 0);
      }
}
