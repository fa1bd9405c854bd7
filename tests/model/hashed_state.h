// Weights that are a function of their names, as tests/golden/README.md describes them.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "model/module.h"

namespace xr::model::test {

/// The README's hash, with the FNV-1a of a name in place of a parameter's number.
inline std::vector<float> hashed(const std::string& name, std::int64_t count, double bound) {
  std::uint32_t number = 0x811c9dc5u;
  for (const char c : name) number = (number ^ static_cast<unsigned char>(c)) * 0x01000193u;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint64_t z = ((static_cast<std::uint64_t>(number) << 32) + i + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    values[i] = static_cast<float>(bound * (2.0 * (static_cast<double>(z >> 40) / 16777216.0) - 1.0));
  }
  return values;
}

/// Weights that keep the variance, batch norms around 1 and 0, running statistics likewise.
inline void set_hashed_state(const Module& network) {
  for (NamedTensor& entry : network.state()) {
    if (entry.tensor.dtype() == engine::DType::i64) continue;
    const bool is_matrix = entry.tensor.rank() > 1;
    const std::int64_t count = entry.tensor.numel();
    const std::int64_t inputs = count / entry.tensor.dim(0);
    const double bound = is_matrix ? std::sqrt(6.0 / static_cast<double>(inputs)) : 0.25;
    std::vector<float> values = hashed(entry.name, count, bound);
    if (!is_matrix && (entry.name.ends_with("weight") || entry.name.ends_with("running_var")))
      for (float& value : values) value += 1.0f;
    entry.tensor.copy_from_host(values);
  }
}

}  // namespace xr::model::test
