// Module: a part of a network with named parameters and buffers, as in PyTorch.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/core/tensor.h"
#include "engine/train/parameter.h"
#include "model/context.h"

namespace xr::model {

using engine::NamedTensor;
using engine::Shape;
using engine::Tensor;

class Module;

/// A module below another, named as in the state dict ("layer1.0").
struct NamedModule {
  std::string name;
  Module* module;
};

/// A parameter without its elements.
struct NamedShape {
  std::string name;
  Shape shape;
};

/// A new kind of module overrides forward and output_shape and registers what it has in its constructor.
/// Callers write module(x), which does what holds for every module.
class Module {
 public:
  Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;
  virtual ~Module() = default;

  /// What forward makes of x, seen and perhaps replaced by the observer.
  [[nodiscard]] Tensor operator()(const Tensor& x) { return observer_ ? observer_(forward(x)) : forward(x); }

  /// Shape of the result for an input of shape x, without computing it. Throws Error where x does not fit,
  /// with the code image_too_small or batch_too_small where that is why.
  [[nodiscard]] virtual Shape output_shape(const Shape& x) const = 0;

  /// What an optimizer changes, in order of registration, names joined with dots ("layer1.0.weight").
  [[nodiscard]] std::vector<NamedTensor> parameters() const;
  /// Parameters and buffers (running statistics): PyTorch's state dict.
  [[nodiscard]] std::vector<NamedTensor> state() const;
  /// Names and shapes of the parameters; also of a network without memory (Initializer::shapes_only).
  [[nodiscard]] std::vector<NamedShape> parameter_shapes() const;
  /// Elements of all parameters; also of a network without memory (Initializer::shapes_only).
  [[nodiscard]] std::int64_t parameter_count() const;

  /// What an optimizer changes after freeze_except: parameters that require a gradient.
  [[nodiscard]] std::vector<NamedTensor> trainable_parameters() const;
  /// From now on parameters of other names need no gradient, and modules that have only such evaluate also in
  /// training: batch norm then takes its running statistics and leaves them as they are.
  void freeze_except(const std::set<std::string>& names);
  /// Undoes freeze_except: all parameters require a gradient.
  void unfreeze();

  /// All modules below this one, in order of registration, each before those below it.
  [[nodiscard]] std::vector<NamedModule> modules() const;
  /// The module below this one with that name, or null.
  [[nodiscard]] Module* find(const std::string& name) const;

  /// Sees what forward made, and returns what is passed on in its place: the same, or another tensor of its
  /// shape (a leaf, to have the gradient with respect to it). An empty function ends it. Not for captured
  /// steps.
  using Observer = std::function<Tensor(const Tensor& output)>;
  void observe(Observer observer) { observer_ = std::move(observer); }
  /// Whether this module or one below it is observed.
  [[nodiscard]] bool observed() const;

  /// The network's, whichever of its modules is asked.
  [[nodiscard]] Context& context() { return *context_; }
  [[nodiscard]] const Context& context() const { return *context_; }
  void set_training(bool training) { context_->training = training; }
  [[nodiscard]] bool frozen() const { return frozen_; }
  /// Of this module: a frozen one always evaluates.
  [[nodiscard]] bool training() const { return context_->training && !frozen_; }
  void set_step(std::int64_t step) { context_->step = step; }
  [[nodiscard]] std::int64_t step() const { return context_->step; }

 protected:
  [[nodiscard]] virtual Tensor forward(const Tensor& x) = 0;

  /// Registers `tensor` and makes it require a gradient. It is undefined in a network without memory.
  Tensor register_parameter(const std::string& name, const Shape& shape, Tensor tensor);
  Tensor register_buffer(const std::string& name, Tensor tensor);
  /// `module` is a member that lives as long as this. From now on it has this module's context.
  void register_module(const std::string& name, Module& module);

 private:
  void collect(const std::string& prefix, bool with_buffers, std::vector<NamedTensor>& result) const;
  void freeze_except(const std::string& prefix, const std::set<std::string>& names);
  void collect_shapes(const std::string& prefix, std::vector<NamedShape>& result) const;
  void share(const std::shared_ptr<Context>& context);

  struct Entry {
    std::string name;
    Shape shape;
    Tensor tensor;
    bool is_parameter;
  };
  std::vector<Entry> entries_;
  std::vector<std::pair<std::string, Module*>> children_;
  std::shared_ptr<Context> context_ = std::make_shared<Context>();
  Observer observer_;
  bool frozen_ = false;
};

}  // namespace xr::model
