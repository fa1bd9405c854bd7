#include "engine/core/tensor.h"

#include <utility>

#include "engine/core/autograd.h"

namespace xr::engine {

Storage::Storage(const Device& device, std::size_t bytes)
    : device_(device), allocator_(allocator(device)), block_(allocator_.allocate(bytes)) {}

Storage::~Storage() {
  allocator_.release(block_);
}

Tensor Tensor::empty(const Shape& shape, const TensorOptions& options) {
  XR_CHECK(options.layout == Layout::contiguous || shape.rank() == 4,
           "a tensor of shape {} cannot be {}: only rank 4 has other layouts than contiguous",
           shape.to_string(), kernels::name_of(options.layout));
  XR_CHECK(options.layout != Layout::blocked16 || shape[1] % 16 == 0,
           "a tensor of shape {} cannot be blocked16: its channels are no multiple of 16", shape.to_string());
  Tensor result;
  result.state_ = std::make_shared<TensorState>();
  result.state_->storage = std::make_shared<Storage>(
      options.device, static_cast<std::size_t>(shape.numel()) * kernels::size_of(options.dtype));
  result.state_->shape = shape;
  result.state_->dtype = options.dtype;
  result.state_->layout = options.layout;
  return result;
}

Tensor Tensor::empty_like(const Tensor& other) {
  return empty(other.shape(), {other.dtype(), other.device(), other.layout()});
}

Tensor Tensor::full(const Shape& shape, float value, const TensorOptions& options) {
  Tensor result = empty(shape, options);
  result.backend().run(kernels::Fill{.y = result.mutable_view(), .value = value});
  return result;
}

Tensor Tensor::zeros(const Shape& shape, const TensorOptions& options) {
  return full(shape, 0.0f, options);
}

namespace {

template <class T>
Tensor tensor_from_host(std::span<const T> values, const Shape& shape, const Device& device, DType dtype) {
  XR_CHECK(static_cast<std::int64_t>(values.size()) == shape.numel(),
           "{} values do not fill a tensor of shape {}", values.size(), shape.to_string());
  Tensor result = Tensor::empty(shape, {dtype, device, Layout::contiguous});
  result.backend().copy_from_host(result.mutable_view().data, values.data(), values.size_bytes());
  return result;
}

template <class T>
std::vector<T> host_copy(const Tensor& tensor) {
  Tensor source = tensor;
  if (tensor.layout() != Layout::contiguous) {
    source = Tensor::empty(tensor.shape(), {tensor.dtype(), tensor.device(), Layout::contiguous});
    tensor.backend().run(kernels::Reorder{.x = tensor.view(), .y = source.mutable_view()});
  }
  std::vector<T> values(static_cast<std::size_t>(source.numel()));
  source.backend().copy_to_host(values.data(), source.view().data, values.size() * sizeof(T));
  return values;
}

}  // namespace

Tensor Tensor::from_host(std::span<const float> values, const Shape& shape, const Device& device) {
  return tensor_from_host(values, shape, device, DType::f32);
}

Tensor Tensor::from_host(std::span<const std::int64_t> values, const Shape& shape, const Device& device) {
  return tensor_from_host(values, shape, device, DType::i64);
}

Tensor Tensor::on_storage(std::shared_ptr<Storage> storage, std::size_t offset, const Shape& shape,
                          DType dtype) {
  Tensor result;
  result.state_ = std::make_shared<TensorState>();
  result.state_->storage = std::move(storage);
  result.state_->offset = offset;
  result.state_->shape = shape;
  result.state_->dtype = dtype;
  return result;
}

TensorState& Tensor::defined_state() const {
  XR_CHECK(defined(), "an undefined tensor was given where one with elements is needed");
  return *state_;
}

const Shape& Tensor::shape() const {
  return defined_state().shape;
}
DType Tensor::dtype() const {
  return defined_state().dtype;
}
Layout Tensor::layout() const {
  return defined_state().layout;
}
const Device& Tensor::device() const {
  return defined_state().storage->device();
}
kernels::Backend& Tensor::backend() const {
  return defined_state().storage->backend();
}
std::uint64_t Tensor::version() const {
  return defined_state().storage->version;
}

ConstView Tensor::view() const {
  if (!defined()) return {};
  return {static_cast<const std::byte*>(state_->storage->data()) + state_->offset, state_->shape,
          state_->dtype, state_->layout};
}

View Tensor::mutable_view() {
  TensorState& state = defined_state();
  ++state.storage->version;
  return {{static_cast<std::byte*>(state.storage->data()) + state.offset, state.shape, state.dtype,
           state.layout}};
}

std::vector<float> Tensor::to_host() const {
  XR_CHECK(dtype() == DType::f32 || dtype() == DType::bf16, "to_host reads f32 and bf16 tensors, not {}",
           kernels::name_of(dtype()));
  if (dtype() == DType::f32) return host_copy<float>(*this);
  Tensor single = empty(shape(), {DType::f32, device(), layout()});
  backend().run(kernels::Cast{.x = view(), .y = single.mutable_view()});
  return host_copy<float>(single);
}

std::vector<std::int64_t> Tensor::to_host_i64() const {
  XR_CHECK(dtype() == DType::i64, "to_host_i64 reads i64 tensors, not {}", kernels::name_of(dtype()));
  return host_copy<std::int64_t>(*this);
}

float Tensor::item() const {
  XR_CHECK(numel() == 1, "item() needs a tensor with one element, not one of shape {}", shape().to_string());
  return to_host().front();
}

void Tensor::copy_from_host(std::span<const float> values) {
  XR_CHECK(static_cast<std::int64_t>(values.size()) == numel(), "{} values do not fill a tensor of shape {}",
           values.size(), shape().to_string());
  if (layout() == Layout::contiguous) {
    backend().copy_from_host(mutable_view().data, values.data(), values.size_bytes());
  } else {
    const Tensor plain = from_host(values, shape(), device());
    backend().run(kernels::Reorder{.x = plain.view(), .y = mutable_view()});
  }
}

Tensor Tensor::clone() const {
  Tensor result = empty_like(*this);
  backend().copy(result.mutable_view().data, view().data, view().bytes());
  return result;
}

bool Tensor::requires_grad() const {
  return defined() && (state_->requires_grad || state_->node != nullptr);
}

Tensor& Tensor::set_requires_grad(bool value) {
  TensorState& state = defined_state();
  XR_CHECK(state.node == nullptr, "requires_grad can be set on leaves only; detach() this tensor first");
  state.requires_grad = value;
  return *this;
}

Tensor Tensor::grad() const {
  const TensorState& state = defined_state();
  return state.grad_written ? state.grad : Tensor{};
}

void Tensor::clear_grad() {
  defined_state().grad_written = false;
}

void Tensor::place_grad(const Tensor& storage) {
  XR_CHECK(storage.shape() == shape(), "a gradient of shape {} does not fit a tensor of shape {}",
           storage.shape().to_string(), shape().to_string());
  state_->grad = storage;
  state_->grad_written = false;
}

Tensor Tensor::detach() const {
  const TensorState& state = defined_state();
  Tensor result = on_storage(state.storage, state.offset, state.shape, state.dtype);
  result.state_->layout = state.layout;
  return result;
}

void Tensor::backward(const Tensor& seed) const {
  run_backward(*this, seed);
}

}  // namespace xr::engine
