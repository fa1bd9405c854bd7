// Modules one after another, as PyTorch's nn.Sequential.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/module.h"

namespace xr::model {

class Sequential : public Module {
 public:
  /// Appends a module that is made of the arguments, and returns it.
  template <class Made, class... Arguments>
  Made& add(const std::string& name, Arguments&&... arguments) {
    auto module = std::make_unique<Made>(std::forward<Arguments>(arguments)...);
    Made& made = *module;
    register_module(name, made);
    modules_.push_back(std::move(module));
    return made;
  }
  [[nodiscard]] Shape output_shape(const Shape& x) const final;

  /// In order.
  [[nodiscard]] const std::vector<std::unique_ptr<Module>>& parts() const { return modules_; }
  /// From now on forward runs the modules from number `first` to the one before `last` alone: x is what `first` takes.
  /// Throws Error unless 0 <= first <= last <= parts().size().
  void run_parts(std::size_t first, std::size_t last);

 protected:
  [[nodiscard]] Tensor forward(const Tensor& x) final;

 private:
  std::vector<std::unique_ptr<Module>> modules_;
  std::size_t first_ = 0;            // what forward runs
  std::optional<std::size_t> last_;  // without: to the end
};

}  // namespace xr::model
