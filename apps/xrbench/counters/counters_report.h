// Counters of kernels for people, for programs and as a table, and the bars that they are held against.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "apps/xrbench/counters/gpu_model.h"

namespace xr::bench {

/// "softmax_kernel" of "void xr::kernels::(anonymous namespace)::softmax_kernel<128>(float*)".
[[nodiscard]] std::string family_of(const std::string& kernel);
/// The same with the arguments of the template.
[[nodiscard]] std::string short_name(const std::string& kernel);

/// What the call does at least by its own account; 0 where that is not known.
struct CallAmounts {
  std::int64_t bytes = 0, operations = 0;
};

/// A block of lines a kernel, and one for all.
[[nodiscard]] std::string to_text(const std::vector<KernelCounters>& kernels, const CallAmounts& call,
                                  const Gpu& gpu);
/// Keys with units in their names.
[[nodiscard]] nlohmann::json to_json(const std::vector<KernelCounters>& kernels, const Gpu& gpu);

/// The most that a kernel may need, over the least.
struct Bar {
  double sectors = 1, wavefronts = 1;
};
/// By family. A file of lines "kernel,sectors,wavefronts" below a head. Throws Error if a line is none.
using Bars = std::map<std::string, Bar>;
[[nodiscard]] Bars read_bars(const std::string& path);
/// One line for each kernel that exceeds its bar, or has none.
[[nodiscard]] std::vector<std::string> over_bars(const std::vector<KernelCounters>& kernels,
                                                 const Bars& bars);

/// Rows of a table in Markdown, a kernel each.
[[nodiscard]] std::string table_head();
[[nodiscard]] std::string table_rows(const std::string& case_name, const std::vector<KernelCounters>& kernels,
                                     const CallAmounts& call, const Gpu& gpu, const Bars& bars);

}  // namespace xr::bench
