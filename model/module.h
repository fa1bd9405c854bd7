// Module: a part of a network with named parameters and buffers, as in PyTorch.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "engine/parameter.h"
#include "engine/tensor.h"

namespace xr::model {

using engine::NamedTensor;
using engine::Tensor;

class Module {
 public:
  Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module() = default;

  [[nodiscard]] virtual Tensor forward(const Tensor& x) = 0;

  /// What an optimizer changes, in order of registration, names joined with dots ("layer1.0.weight").
  [[nodiscard]] std::vector<NamedTensor> parameters() const;
  /// Parameters and buffers (running statistics): PyTorch's state dict.
  [[nodiscard]] std::vector<NamedTensor> state() const;

  /// Training (batch statistics, dropout) or evaluation, for this module and all below.
  void set_training(bool training);
  [[nodiscard]] bool training() const { return training_; }
  /// The step that is being trained, counted from 0: dropout masks are a function of it.
  void set_step(std::int64_t step);
  [[nodiscard]] std::int64_t step() const { return step_; }

 protected:
  /// Registers `tensor` and makes it require a gradient.
  Tensor register_parameter(const std::string& name, Tensor tensor);
  Tensor register_buffer(const std::string& name, Tensor tensor);
  /// `module` is a member that lives as long as this.
  void register_module(const std::string& name, Module& module);

 private:
  void collect(const std::string& prefix, bool with_buffers, std::vector<NamedTensor>& result) const;

  struct Entry {
    std::string name;
    Tensor tensor;
    bool is_parameter;
  };
  std::vector<Entry> entries_;
  std::vector<std::pair<std::string, Module*>> children_;
  bool training_ = true;
  std::int64_t step_ = 0;
};

}  // namespace xr::model
