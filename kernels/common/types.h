// The words that the engine and the backends share: element types, memory layouts, shapes and views.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <type_traits>

#include "kernels/common/error.h"

namespace xr::kernels {

enum class DType : std::uint8_t { f32, bf16, i64, i32, u8 };

/// Bytes of one element.
[[nodiscard]] std::size_t size_of(DType dtype);
[[nodiscard]] const char* name_of(DType dtype);

/// Where the elements of a tensor lie. The logical order of dimensions is N, C, H, W whatever the layout.
enum class Layout : std::uint8_t {
  contiguous,     ///< row-major in logical order (N, C, H, W)
  channels_last,  ///< rank 4: N, H, W, C
  blocked16,      ///< rank 4, C a multiple of 16: N, C/16, H, W, 16 (oneDNN's nChw16c)
};

[[nodiscard]] const char* name_of(Layout layout);

/// Up to five extents. Rank 0 is a scalar (one element).
class Shape {
 public:
  static constexpr std::size_t max_rank = 5;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> extents);

  [[nodiscard]] std::size_t rank() const { return rank_; }
  [[nodiscard]] std::int64_t operator[](std::size_t dimension) const { return extents_[dimension]; }
  [[nodiscard]] std::int64_t& operator[](std::size_t dimension) { return extents_[dimension]; }
  [[nodiscard]] std::int64_t numel() const;
  void push_back(std::int64_t extent);
  [[nodiscard]] const std::int64_t* begin() const { return extents_.data(); }
  [[nodiscard]] const std::int64_t* end() const { return extents_.data() + rank_; }
  /// "[60, 1, 224, 224]"
  [[nodiscard]] std::string to_string() const;

  friend bool operator==(const Shape& a, const Shape& b);

 private:
  std::array<std::int64_t, max_rank> extents_{};
  std::size_t rank_ = 0;
};

/// Memory with its meaning; owns nothing. data is a device pointer.
template <class Void>
struct BasicView {
  Void* data = nullptr;
  Shape shape;
  DType dtype = DType::f32;
  Layout layout = Layout::contiguous;

  [[nodiscard]] bool defined() const { return data != nullptr; }
  [[nodiscard]] std::int64_t numel() const { return shape.numel(); }
  [[nodiscard]] std::size_t bytes() const { return static_cast<std::size_t>(numel()) * size_of(dtype); }
  /// Typed pointer; T is const where the view is.
  template <class T>
  [[nodiscard]] auto as() const {
    if constexpr (std::is_const_v<Void>)
      return static_cast<const T*>(data);
    else
      return static_cast<T*>(data);
  }
};

struct View : BasicView<void> {};

struct ConstView : BasicView<const void> {
  ConstView() = default;
  ConstView(const void* data_in, const Shape& shape_in, DType dtype_in = DType::f32,
            Layout layout_in = Layout::contiguous)
      : BasicView<const void>{data_in, shape_in, dtype_in, layout_in} {}
  // A view that may be written can always be read.
  // NOLINTNEXTLINE(google-explicit-constructor): the conversion is the purpose
  ConstView(const View& view) : ConstView(view.data, view.shape, view.dtype, view.layout) {}
};

/// What a gradient kernel does with what its destination holds.
enum class GradientWrite : std::uint8_t {
  overwrite,   ///< destination = gradient; what was there (poison included) is never read
  accumulate,  ///< destination += gradient
};

/// Offset of logical element (n, c, h, w) of a rank-4 tensor.
[[nodiscard]] inline std::int64_t offset_of(Layout layout, const Shape& shape, std::int64_t n, std::int64_t c,
                                            std::int64_t h, std::int64_t w) {
  switch (layout) {
    case Layout::channels_last:
      return ((n * shape[2] + h) * shape[3] + w) * shape[1] + c;
    case Layout::blocked16:
      return (((n * (shape[1] / 16) + c / 16) * shape[2] + h) * shape[3] + w) * 16 + c % 16;
    case Layout::contiguous:
      break;
  }
  return ((n * shape[1] + c) * shape[2] + h) * shape[3] + w;
}

}  // namespace xr::kernels
