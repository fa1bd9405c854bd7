// The shapes at which operations are timed: those of the networks' layers, and the calls there.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "kernels/backend.h"
#include "tests/ops/call.h"

namespace xr::tests {

/// Which case of the networks to time.
struct BenchmarkSetting {
  std::int64_t batch = 60, size = 224;  ///< images, pixels in a row
  std::int64_t channels = 1, padding = 2;
  std::int64_t matrix = 2048;  ///< rows and columns of the square product, a shape of no layer
  DType activation = DType::f32;

  [[nodiscard]] std::string to_string() const;
};

struct Conv2dLayer {
  std::string name;  ///< "report_cnn.conv1"
  Shape x, filter;
  kernels::Conv2dParams params;
  bool bias = true;
  bool input_gradient = true;
};
struct BatchNorm2dLayer {
  std::string name;
  Shape x;
};
struct LinearLayer {
  std::string name;
  std::int64_t in, out;
};

/// The layers of report_cnn, and of the other networks the convolutions whose shapes, strides and groups it does not
/// have. Throws Error for images that are too small for the network.
struct NetworkLayers {
  explicit NetworkLayers(const BenchmarkSetting& setting);

  std::vector<Conv2dLayer> convolutions;
  std::vector<BatchNorm2dLayer> norms;
  std::vector<LinearLayer> linears;
  Shape features;               ///< the output of report_cnn's first block, which most passes are timed at
  std::int64_t hidden = 0;      ///< outputs of its first linear layer
  std::int64_t classes = 2;     ///< of its last one
  std::int64_t parameters = 0;  ///< of the whole network
};

/// One timed call.
struct Benchmark {
  std::string operation;  ///< "conv2d"
  std::string name;       ///< "conv2d_forward/report_cnn.conv1"
  Call call;
};

/// Collects the timed calls. Shapes and formulas only: nothing is allocated.
class Benchmarks {
 public:
  Benchmarks(const BenchmarkSetting& setting_in, const Backend& backend_in)
      : setting(setting_in), layers(setting_in), backend(backend_in) {}

  void add(const std::string& case_name, Call call) {
    std::string name = call.name + "/" + case_name;
    list_.push_back({operation, std::move(name), std::move(call)});
  }
  /// The backend's, for activations.
  [[nodiscard]] Layout layout_of(const Shape& shape) const {
    return shape.rank() == 4 ? backend.preferred_layout(shape[1]) : Layout::contiguous;
  }
  [[nodiscard]] std::vector<Benchmark> take() { return std::move(list_); }

  std::string operation;  ///< whose calls are added
  const BenchmarkSetting setting;
  const NetworkLayers layers;
  const Backend& backend;

 private:
  std::vector<Benchmark> list_;
};

/// The benchmarks of all operations, in the layouts that the backend prefers.
[[nodiscard]] std::vector<Benchmark> benchmarks_of(const BenchmarkSetting& setting, const Backend& backend);

}  // namespace xr::tests
