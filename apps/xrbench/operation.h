// The operations that `xrbench kernels` times: operands, call, and the work that is in them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "apps/xrbench/onednn_peer.h"
#include "kernels/backend.h"

namespace xr::bench {

/// What a call does with an operand, and what that counts for in the bytes that it must move.
enum class Role : std::uint8_t {
  input,    ///< read: once
  output,   ///< written: once; NaN before the check and compared after it
  state,    ///< read and written: twice; compared
  own,      ///< read or written once, in the backend's own format: not compared
  scratch,  ///< only `prepare` uses it: not counted
};

/// Where the values of an operand are drawn from before each check.
enum class Values : std::uint8_t {
  normal,               ///< standard normal
  positive,             ///< uniform in [0.5, 1.5)
  labels,               ///< i64: 0 or 1
  bytes,                ///< u8: all values
  indices,              ///< i64: 0, 1, 2, ...
  records,              ///< u8: an AugmentRecord for each image, small rotations, shifts and zooms
  whole_image_records,  ///< u8: AugmentRecords that take images as they are
};

struct Operand {
  std::string name;
  kernels::Shape shape;
  Role role = Role::input;
  Values values = Values::normal;
  kernels::DType dtype = kernels::DType::f32;
  kernels::Layout layout = kernels::Layout::contiguous;
  std::int64_t image_size = 0;  ///< records: pixels in a row of the stored images
  /// How often the mathematics must go through it: twice where a sum over all of it has to be complete before
  /// its elements are used (batch norm: statistics, then the normalised values). The second time counts as a
  /// read from memory: parts that a cache kept make a call faster than its bytes say.
  int passes = 1;
};

using Views = std::span<const kernels::View>;
using Call = std::function<void(kernels::Backend&, Views)>;

struct Operation {
  std::string name;   ///< "conv2_backward_filter"
  std::string shape;  ///< for people: "60x32x113x113 -> 64x111x111, 3x3"
  std::vector<Operand> operands;
  Call call;
  std::int64_t operations = 0;  ///< floating-point; 0 where memory is all that counts
  bool is_product = false;      ///< a convolution or matrix product: the precision decides its tolerance
  Call prepare = {};            ///< fills what `call` needs and only the backend itself can make
  std::string cpu_kernel = "cpu: own";  ///< who computes it on the CPU, which records no launches
  /// For BackendOptions::variant; those that do not fit are left out.
  std::vector<std::string> variants = {};
  /// oneDNN's own primitive for it; empty where there is none.
  std::function<std::unique_ptr<OneDnnPeer>(Views)> one_dnn = {};

  /// That the call must move at least: each operand once or twice, see Role, in each of its passes.
  [[nodiscard]] std::int64_t bytes() const;
  /// Memory for all operands, and for those that the call touches.
  [[nodiscard]] std::int64_t footprint() const;
  [[nodiscard]] std::int64_t touched_bytes() const;
};

/// Which case of the network to time.
struct Case {
  std::int64_t batch = 60, size = 224;  ///< images, pixels in a row
  std::int64_t channels = 1, padding = 2;
  std::int64_t matrix = 2048;  ///< rows and columns of the square product, a shape of no layer
  kernels::DType activation = kernels::DType::f32;

  [[nodiscard]] std::string to_string() const;
};

/// All operations of the report's network (model/networks/report_cnn.h), and the backend's others at its shapes, in
/// the layouts that the backend prefers. Shapes and formulas only: nothing is allocated. Throws Error for
/// images that are too small for the network.
[[nodiscard]] std::vector<Operation> network_operations(const Case& c, const kernels::Backend& backend);

}  // namespace xr::bench
