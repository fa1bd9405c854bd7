// Modules one after another, as PyTorch's nn.Sequential.
#pragma once

#include <memory>
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

 protected:
  [[nodiscard]] Tensor forward(const Tensor& x) final;

 private:
  std::vector<std::unique_ptr<Module>> modules_;
};

}  // namespace xr::model
