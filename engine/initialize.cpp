#include "engine/initialize.h"

#include <vector>

#include "kernels/cpu/parallel.h"
#include "kernels/random.h"

namespace xr::engine {

void fill_uniform(Tensor& tensor, float low, float high, std::uint64_t seed, std::uint64_t stream) {
  std::vector<float> values(static_cast<std::size_t>(tensor.numel()));
  const auto count = static_cast<std::int64_t>(values.size());
  kernels::cpu::parallel_ranges((count + 3) / 4, 1 << 14, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t block = begin; block < end; ++block) {
      const PhiloxBlock words = philox(seed, stream, static_cast<std::uint64_t>(block));
      for (std::int64_t i = 4 * block; i < std::min(count, 4 * block + 4); ++i)
        values[static_cast<std::size_t>(i)] = low + (high - low) * uniform_float(words.word[i % 4]);
    }
  });
  tensor.copy_from_host(values);
}

}  // namespace xr::engine
