#include "engine/train/parameter.h"

#include <utility>

namespace xr::engine {

namespace {

constexpr std::int64_t alignment = 16;  // floats

Tensor flat_empty(std::int64_t count, const Device& device) {
  return Tensor::empty({count}, {DType::f32, device, Layout::contiguous});
}

// Zeros between the parameters; the rest is written before it is read, and half a gigabyte is not touched
// twice.
void zero_gap(Tensor& flat, std::int64_t begin, std::int64_t end) {
  if (begin == end) return;
  kernels::View gap = flat.mutable_view();
  gap.data = gap.as<float>() + begin;
  gap.shape = {end - begin};
  flat.backend().run(kernels::Fill{.y = gap});
}

}  // namespace

ParameterArena::ParameterArena(std::vector<NamedTensor> parameters) : parameters_(std::move(parameters)) {
  XR_CHECK(!parameters_.empty(), "a network without parameters cannot be trained");
  const Device device = parameters_.front().tensor.device();
  std::int64_t count = 0;
  for (const NamedTensor& parameter : parameters_) {
    XR_CHECK(parameter.tensor.dtype() == DType::f32 && parameter.tensor.device() == device &&
                 parameter.tensor.layout() == Layout::contiguous && parameter.tensor.state()->node == nullptr,
             "parameter {} must be a contiguous f32 leaf on {}", parameter.name, device.to_string());
    offsets_.push_back(count);
    count += (parameter.tensor.numel() + alignment - 1) / alignment * alignment;
  }
  offsets_.push_back(count);
  values_ = flat_empty(count, device);
  gradients_ = flat_empty(count, device);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    Tensor& tensor = parameters_[i].tensor;
    const std::int64_t next = offsets_[i + 1];
    zero_gap(values_, offsets_[i] + tensor.numel(), next);
    zero_gap(gradients_, offsets_[i] + tensor.numel(), next);
    const auto offset = static_cast<std::size_t>(offsets_[i]) * sizeof(float);
    Tensor place = Tensor::on_storage(values_.state()->storage, offset, tensor.shape());
    tensor.backend().copy(place.mutable_view().data, tensor.view().data, tensor.view().bytes());
    tensor.state()->storage = place.state()->storage;
    tensor.state()->offset = offset;
    tensor.place_grad(Tensor::on_storage(gradients_.state()->storage, offset, tensor.shape()));
  }
}

void ParameterArena::zero_grad() {
  for (NamedTensor& parameter : parameters_) parameter.tensor.clear_grad();
}

void ParameterArena::mark_gradients_written() {
  for (NamedTensor& parameter : parameters_) parameter.tensor.state()->grad_written = true;
}

void ParameterArena::check_gradients() const {
  for (const NamedTensor& parameter : parameters_)
    XR_CHECK(parameter.tensor.grad().defined(), "parameter {} has no gradient: call backward before step",
             parameter.name);
}

std::int64_t ParameterArena::parameter_count() const {
  std::int64_t count = 0;
  for (const NamedTensor& parameter : parameters_) count += parameter.tensor.numel();
  return count;
}

}  // namespace xr::engine
