// Memory of a device whose surroundings are watched, written and read in logical order.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "tests/reference/tensor.h"

namespace xr::tests {

using kernels::Backend;
using kernels::DType;
using kernels::Layout;
using kernels::Shape;
using kernels::View;
using reference::Tensor;

/// The values of a tensor that lies in memory as `view` says, in logical order.
[[nodiscard]] Tensor decode(const View& view, const std::vector<std::byte>& bytes);

/// Device memory between two guard zones.
class GuardedBuffer {
 public:
  /// The data begin `shift` bytes behind a multiple of 64.
  GuardedBuffer(Backend& backend, const Shape& shape, DType dtype, Layout layout, std::size_t shift = 0);
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;
  ~GuardedBuffer();

  [[nodiscard]] View view() const { return view_; }
  /// Values in logical order are converted to the type and laid out.
  void write(const Tensor& values);
  /// NaN in every element (0xFF in every byte).
  void poison();
  [[nodiscard]] Tensor read() const;
  [[nodiscard]] std::vector<std::byte> bytes() const;
  /// Empty, or which byte beside the data was overwritten.
  [[nodiscard]] std::string guard_damage() const;

 private:
  void hide_guards(bool hidden) const;
  [[nodiscard]] std::byte* end_of_data() const { return view_.as<std::byte>() + data_bytes_; }

  Backend& backend_;
  std::byte* memory_ = nullptr;
  std::size_t data_bytes_ = 0, all_bytes_ = 0;
  std::vector<std::byte> guards_;  // what the zones must hold: front, then back
  View view_;
};

}  // namespace xr::tests
