// Tensor: a reference-counted handle on memory of a device, with shape, element type and layout, and its
// place in the autograd graph.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/core/allocator.h"
#include "kernels/common/types.h"
#include "kernels/registry.h"

namespace xr::engine {

using kernels::ConstView;
using kernels::Device;
using kernels::DType;
using kernels::GradientWrite;
using kernels::Layout;
using kernels::Shape;
using kernels::View;

struct Node;
struct TensorState;

/// Memory of one device, given back to its allocator when the last tensor on it is gone. version counts
/// in-place changes, so that backward can tell that a saved tensor is no longer what it was.
class Storage {
 public:
  Storage(const Device& device, std::size_t bytes);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  [[nodiscard]] void* data() const { return block_.data; }
  [[nodiscard]] const Device& device() const { return device_; }
  [[nodiscard]] kernels::Backend& backend() const { return allocator_.backend(); }

  std::uint64_t version = 0;

 private:
  Device device_;
  CachingAllocator& allocator_;
  CachingAllocator::Block block_;
};

struct TensorOptions {
  DType dtype = DType::f32;
  Device device = {};
  Layout layout = Layout::contiguous;
};

/// Copies of a Tensor refer to the same elements, gradient and graph node, as in PyTorch.
class Tensor {
 public:
  /// An undefined tensor has no memory: everything but defined(), view() and requires_grad() throws Error.
  Tensor() = default;

  /// Contents unspecified.
  [[nodiscard]] static Tensor empty(const Shape& shape, const TensorOptions& options = {});
  [[nodiscard]] static Tensor empty_like(const Tensor& other);
  [[nodiscard]] static Tensor full(const Shape& shape, float value, const TensorOptions& options = {});
  [[nodiscard]] static Tensor zeros(const Shape& shape, const TensorOptions& options = {});
  /// Copies `values` (row-major, as many as the shape has elements, else Error) to the device.
  [[nodiscard]] static Tensor from_host(std::span<const float> values, const Shape& shape,
                                        const Device& device = {});
  [[nodiscard]] static Tensor from_host(std::span<const std::int64_t> values, const Shape& shape,
                                        const Device& device = {});
  /// A contiguous tensor on part of an existing storage, from byte `offset` on.
  [[nodiscard]] static Tensor on_storage(std::shared_ptr<Storage> storage, std::size_t offset,
                                         const Shape& shape, DType dtype = DType::f32);

  [[nodiscard]] bool defined() const { return state_ != nullptr; }
  [[nodiscard]] const Shape& shape() const;
  [[nodiscard]] std::int64_t dim(std::size_t dimension) const { return shape()[dimension]; }
  [[nodiscard]] std::size_t rank() const { return shape().rank(); }
  [[nodiscard]] std::int64_t numel() const { return shape().numel(); }
  [[nodiscard]] DType dtype() const;
  [[nodiscard]] Layout layout() const;
  [[nodiscard]] const Device& device() const;
  [[nodiscard]] kernels::Backend& backend() const;

  /// For reading.
  [[nodiscard]] ConstView view() const;
  /// For writing in place: counts as a change of the storage's version.
  [[nodiscard]] View mutable_view();
  [[nodiscard]] std::uint64_t version() const;

  /// All elements on the host in row-major logical order; waits for the device.
  [[nodiscard]] std::vector<float> to_host() const;
  [[nodiscard]] std::vector<std::int64_t> to_host_i64() const;
  /// The one element of a tensor with one element, else Error.
  [[nodiscard]] float item() const;
  /// Overwrites the elements in place, row-major logical order.
  void copy_from_host(std::span<const float> values);

  /// A copy of the elements in memory of its own, outside of the graph.
  [[nodiscard]] Tensor clone() const;

  // --- autograd
  [[nodiscard]] bool requires_grad() const;
  /// For leaves only (tensors that no recorded operation made).
  Tensor& set_requires_grad(bool value);
  /// The gradient that backward wrote since it was last cleared, or an undefined tensor.
  [[nodiscard]] Tensor grad() const;
  /// Forgets the gradient: the next backward overwrites it. Its memory is kept.
  void clear_grad();
  /// The gradient of this leaf is written into `storage` from now on (ParameterArena).
  void place_grad(const Tensor& storage);
  /// The same elements, outside of the graph.
  [[nodiscard]] Tensor detach() const;
  /// Computes the gradient of this tensor (one element, unless `seed` is given with this shape) with respect
  /// to all leaves that require one. The graph is freed; a second call throws Error.
  void backward(const Tensor& seed = {}) const;

  [[nodiscard]] const std::shared_ptr<TensorState>& state() const { return state_; }

 private:
  [[nodiscard]] TensorState& defined_state() const;
  std::shared_ptr<TensorState> state_;
};

/// What a Tensor refers to; for autograd.cpp and the operations.
struct TensorState {
  std::shared_ptr<Storage> storage;
  std::size_t offset = 0;  // bytes
  Shape shape;
  DType dtype = DType::f32;
  Layout layout = Layout::contiguous;

  bool requires_grad = false;
  bool grad_written = false;
  Tensor grad;                 // leaves: where the gradient goes
  std::shared_ptr<Node> node;  // the operation that made this tensor, if recorded
};

}  // namespace xr::engine
