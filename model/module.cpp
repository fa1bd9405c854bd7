#include "model/module.h"

#include <algorithm>

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
  for (const Entry& entry : entries_) {
    if (!entry.is_parameter && !with_buffers) continue;
    XR_CHECK(entry.tensor.defined(), "{}{} has a shape but no memory", prefix, entry.name);
    result.push_back({prefix + entry.name, entry.tensor});
  }
  for (const auto& [name, module] : children_) module->collect(prefix + name + ".", with_buffers, result);
}

std::vector<NamedTensor> Module::trainable_parameters() const {
  std::vector<NamedTensor> result = parameters();
  std::erase_if(result, [](const NamedTensor& parameter) { return !parameter.tensor.requires_grad(); });
  return result;
}

void Module::freeze_except(const std::set<std::string>& names) {
  freeze_except("", names);
}

void Module::freeze_except(const std::string& prefix, const std::set<std::string>& names) {
  bool has_parameters = false, keeps_some = false;
  for (Entry& entry : entries_) {
    if (!entry.is_parameter) continue;
    const bool kept = names.contains(prefix + entry.name);
    has_parameters = true;
    keeps_some = keeps_some || kept;
    if (!kept && entry.tensor.defined()) entry.tensor.set_requires_grad(false);
  }
  frozen_ = has_parameters && !keeps_some;
  for (const auto& [name, module] : children_) module->freeze_except(prefix + name + ".", names);
}

void Module::unfreeze() {
  for (Entry& entry : entries_)
    if (entry.is_parameter && entry.tensor.defined()) entry.tensor.set_requires_grad(true);
  frozen_ = false;
  for (const auto& [name, module] : children_) module->unfreeze();
}

std::vector<NamedShape> Module::parameter_shapes() const {
  std::vector<NamedShape> result;
  collect_shapes("", result);
  return result;
}

void Module::collect_shapes(const std::string& prefix, std::vector<NamedShape>& result) const {
  for (const Entry& entry : entries_)
    if (entry.is_parameter) result.push_back({prefix + entry.name, entry.shape});
  for (const auto& [name, module] : children_) module->collect_shapes(prefix + name + ".", result);
}

std::int64_t Module::parameter_count() const {
  std::int64_t count = 0;
  for (const Entry& entry : entries_)
    if (entry.is_parameter) count += entry.shape.numel();
  for (const auto& [name, module] : children_) count += module->parameter_count();
  return count;
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

bool Module::observed() const {
  return observer_ || std::any_of(children_.begin(), children_.end(),
                                  [](const auto& child) { return child.second->observed(); });
}

Module* Module::find(const std::string& name) const {
  for (const NamedModule& candidate : modules())
    if (candidate.name == name) return candidate.module;
  return nullptr;
}

Tensor Module::register_parameter(const std::string& name, const Shape& shape, Tensor tensor) {
  if (tensor.defined()) tensor.set_requires_grad(true);
  entries_.push_back({name, shape, tensor, true});
  return tensor;
}

Tensor Module::register_buffer(const std::string& name, Tensor tensor) {
  entries_.push_back({name, {}, tensor, false});
  return tensor;
}

void Module::register_module(const std::string& name, Module& module) {
  children_.emplace_back(name, &module);
  module.share(context_);
}

void Module::share(const std::shared_ptr<Context>& context) {
  context_ = context;
  for (const auto& [name, module] : children_) module->share(context);
}

}  // namespace xr::model
