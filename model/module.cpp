#include "model/module.h"

namespace xr::model {

std::vector<NamedTensor> Module::parameters() const {
  std::vector<NamedTensor> result;
  collect("", false, result);
  return result;
}

std::vector<NamedTensor> Module::state() const {
  std::vector<NamedTensor> result;
  collect("", true, result);
  return result;
}

void Module::collect(const std::string& prefix, bool with_buffers, std::vector<NamedTensor>& result) const {
  for (const Entry& entry : entries_)
    if (entry.is_parameter || with_buffers) result.push_back({prefix + entry.name, entry.tensor});
  for (const auto& [name, module] : children_) module->collect(prefix + name + ".", with_buffers, result);
}

std::vector<NamedModule> Module::modules() const {
  std::vector<NamedModule> result;
  for (const auto& [name, module] : children_) {
    result.push_back({name, module});
    for (const NamedModule& below : module->modules())
      result.push_back({name + "." + below.name, below.module});
  }
  return result;
}

Module* Module::find(const std::string& name) const {
  for (const NamedModule& candidate : modules())
    if (candidate.name == name) return candidate.module;
  return nullptr;
}

void Module::set_training(bool training) {
  training_ = training;
  for (const auto& [name, module] : children_) module->set_training(training);
}

void Module::set_step(std::int64_t step) {
  step_ = step;
  for (const auto& [name, module] : children_) module->set_step(step);
}

void Module::take_mask_offset_from(const Tensor& offset) {
  offset_on_device_ = offset;
  for (const auto& [name, module] : children_) module->take_mask_offset_from(offset);
}

void Module::count_replay() {
  on_replay();
  for (const auto& [name, module] : children_) module->count_replay();
}

Tensor Module::register_parameter(const std::string& name, Tensor tensor) {
  tensor.set_requires_grad(true);
  entries_.push_back({name, tensor, true});
  return tensor;
}

Tensor Module::register_buffer(const std::string& name, Tensor tensor) {
  entries_.push_back({name, tensor, false});
  return tensor;
}

void Module::register_module(const std::string& name, Module& module) {
  children_.emplace_back(name, &module);
}

}  // namespace xr::model
