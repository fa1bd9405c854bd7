// The part of a network that gives the same result for the same images at every step, because its parameters are
// frozen: it can be computed once, and training then needs the modules behind it alone.
#pragma once

#include <cstddef>
#include <vector>

#include "model/module.h"

namespace xr::model {

class Sequential;

/// How many of the network's leading modules make features: those before the first that has a trainable parameter or
/// is a dropout. 0 for a network that is not a Sequential.
[[nodiscard]] std::size_t feature_module_count(const Module& network);

/// Shape of the features of images of shape x (N, C, H, W): what the first `modules` modules make of them.
[[nodiscard]] Shape feature_shape(const Module& network, std::size_t modules, const Shape& x);

/// Parameters and buffers of the first `modules` modules.
[[nodiscard]] std::vector<NamedTensor> leading_state(const Module& network, std::size_t modules);

/// While it lives, the network takes features, the result of its first `modules` modules, instead of images; with 0 it
/// takes images, and may be of any kind.
class FromFeatures {
 public:
  FromFeatures(Module& network, std::size_t modules);
  ~FromFeatures();
  FromFeatures(const FromFeatures&) = delete;
  FromFeatures& operator=(const FromFeatures&) = delete;

 private:
  Sequential* network_;  // or null
};

/// The features of images, in evaluation mode and without a gradient. Leaves the network in evaluation mode.
[[nodiscard]] Tensor compute_features(Module& network, std::size_t modules, const Tensor& images);

}  // namespace xr::model
