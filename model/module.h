// Module: a part of a network with named parameters and buffers, as in PyTorch.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/tensor.h"
#include "engine/train/parameter.h"

namespace xr::model {

using engine::NamedTensor;
using engine::Tensor;

class Module;

/// A module below another, named as in the state dict ("layer1.0").
struct NamedModule {
  std::string name;
  Module* module;
};

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

  /// All modules below this one, in order of registration, each before those below it.
  [[nodiscard]] std::vector<NamedModule> modules() const;
  /// The module below this one with that name, or null.
  [[nodiscard]] Module* find(const std::string& name) const;

  /// Sees what forward made, and returns what goes on in its place: the same, or another tensor of its shape
  /// (a leaf, to have the gradient with respect to it). An empty function ends it. Not for captured steps.
  using Observer = std::function<Tensor(const Tensor& output)>;
  void observe(Observer observer) { observer_ = std::move(observer); }

  /// Training (batch statistics, dropout) or evaluation, for this module and all below.
  void set_training(bool training);
  [[nodiscard]] bool training() const { return training_; }
  /// The step that is being trained, counted from 0: dropout masks are a function of it.
  void set_step(std::int64_t step);
  [[nodiscard]] std::int64_t step() const { return step_; }
  /// From now on masks depend on what this i64 (1) on the network's device holds when they are drawn:
  /// mask_offset(step). For captured training steps; an undefined tensor ends it.
  void take_mask_offset_from(const Tensor& offset);
  /// First of the random numbers for the masks of a step: a layer's output has fewer than 2^32 elements.
  [[nodiscard]] static std::int64_t mask_offset(std::int64_t step) { return step << 32; }
  /// A captured training step was replayed: does what forward would have done on the host.
  void count_replay();

 protected:
  /// Registers `tensor` and makes it require a gradient.
  Tensor register_parameter(const std::string& name, Tensor tensor);
  Tensor register_buffer(const std::string& name, Tensor tensor);
  /// `module` is a member that lives as long as this.
  void register_module(const std::string& name, Module& module);
  [[nodiscard]] const Tensor& offset_on_device() const { return offset_on_device_; }
  /// Every forward returns its result through this.
  [[nodiscard]] Tensor observed(const Tensor& output) const { return observer_ ? observer_(output) : output; }
  /// What one module does in count_replay.
  virtual void on_replay() {}

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
  Tensor offset_on_device_;
  Observer observer_;
};

}  // namespace xr::model
