#include "engine/train/initialize.h"

#include <vector>

#include "kernels/common/parallel.h"
#include "kernels/common/random.h"

namespace xr::engine {

void fill_uniform(Tensor& tensor, float low, float high, std::uint64_t seed, std::uint64_t stream) {
  // Written in place where that is possible: a network's largest weight may be half a gigabyte.
  const bool in_place =
      tensor.device().type == kernels::DeviceType::cpu && tensor.layout() == Layout::contiguous;
  const std::int64_t count = tensor.numel();
  std::vector<float> staging(in_place ? 0 : static_cast<std::size_t>(count));
  float* values = in_place ? tensor.mutable_view().as<float>() : staging.data();
  kernels::parallel_ranges((count + 3) / 4, 1 << 14, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      const PhiloxBlock words = philox(seed, stream, static_cast<std::uint64_t>(block));
      for (std::int64_t i = 4 * block; i < std::min(count, 4 * block + 4); ++i)
        values[i] = low + (high - low) * uniform_float(words.word[i % 4]);
    }
  });
  if (!in_place) tensor.copy_from_host(staging);
}

}  // namespace xr::engine
