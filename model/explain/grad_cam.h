// Grad-CAM: where in an image a convolutional network finds the evidence for a class.
//
// R. R. Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization",
// ICCV 2017: with A the output of a layer (channels k) and y the logit of a class,
//   alpha_k = mean over the positions of dy / dA_k
//   map     = max(0, sum over k of alpha_k A_k)
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/explain/map.h"
#include "model/module.h"

namespace xr::model::explain {

/// Names of the convolutions of a network, as in its state dict, in order.
[[nodiscard]] std::vector<std::string> convolution_layers(const model::Module& network);
/// The last module whose output still has positions (N, K, h, w), found by running the network on an image
/// (1, C, H, W) of zeros of this shape: the block around the last convolution, after its normalisation and
/// ReLU, as the paper takes it. Error if there is none.
[[nodiscard]] std::string last_feature_layer(model::Module& network, const engine::Shape& image,
                                             const engine::Device& device);

/// Maps at the layer's own size, one per image of `images` (N, C, H, W), each for the class of that image in
/// `classes` (as many; indices of logits). `layer`: any module with an output (N, K, h, w), by its name in
/// the state dict. The network is set to evaluation. Error for an unknown layer (lists the convolutions) or
/// one without positions.
[[nodiscard]] std::vector<Map> grad_cam(model::Module& network, const engine::Tensor& images,
                                        std::span<const std::int64_t> classes, const std::string& layer);

}  // namespace xr::model::explain
