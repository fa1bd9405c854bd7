// What `xrbench kernels` times: the benchmarks of the operations (tests/ops), with what the CPU has for each.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apps/xrbench/onednn_peer.h"
#include "kernels/backend.h"
#include "tests/ops/benchmark.h"

namespace xr::bench {

using tests::Call;
using tests::Operand;
using tests::Role;
using tests::Values;
using tests::Views;
using Case = tests::BenchmarkSetting;

struct Operation {
  std::string name;  ///< "conv2d_forward/report_cnn.conv1"
  Call call = {};
  std::string operation = {};           ///< "conv2d"
  std::string cpu_kernel = "cpu: own";  ///< who computes it on the CPU, which records no launches
  /// oneDNN's own primitive for it; empty where there is none.
  std::function<std::unique_ptr<OneDnnPeer>(Views)> one_dnn = {};

  void run(kernels::Backend& backend, Views views) const {
    call.run(backend, views, kernels::GradientWrite::overwrite);
  }
  /// For people: "60x32x113x113 -> 60x64x111x111, 3x3".
  [[nodiscard]] std::string shape() const;
  [[nodiscard]] std::int64_t bytes() const { return call.bytes; }
  /// Floating-point; 0 for what is no product: it does not run where the ceiling was measured.
  [[nodiscard]] std::int64_t operations() const { return call.is_product ? call.flops : 0; }
  /// Memory for all operands, and for those that the call touches.
  [[nodiscard]] std::int64_t footprint() const;
  [[nodiscard]] std::int64_t touched_bytes() const;
};

/// The benchmarks of all operations, in the layouts that the backend prefers. Shapes and formulas only: nothing is
/// allocated. Throws Error for images that are too small for the networks.
[[nodiscard]] std::vector<Operation> network_operations(const Case& c, const kernels::Backend& backend);

/// Whether the name of a case ("conv2d_forward/report_cnn.conv1", or "conv2d/report_cnn.conv1" for all its calls)
/// means this one.
[[nodiscard]] bool is_case(const Operation& operation, const std::string& name);

}  // namespace xr::bench
