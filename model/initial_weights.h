// Initial weights from a file that another network, or another program, was trained into: which tensor goes where.
// The backbone is every parameter whose shape does not depend on the number of classes; the rest is the head.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/io/weights_file.h"
#include "model/model.h"

namespace xr::model {

enum class WeightFit {
  loaded,
  channels_summed,    ///< the file's filters take three channels, the network's one
  channels_repeated,  ///< the other way round: a third of each for every channel
  random,             ///< stays as it is
};

/// What becomes of one tensor of the network.
struct FittedTensor {
  std::string name;
  Shape shape;
  WeightFit fit = WeightFit::random;
  bool is_parameter = true, in_head = false;
  bool is_integer = false;  ///< a counter
  /// The file's tensor; also where its shape does not fit. Empty: it has none.
  std::string source;
  Shape source_shape;
};

struct WeightPlan {
  std::vector<FittedTensor> tensors;      ///< all of the network's state, in its order
  std::vector<std::string> unused;        ///< tensors of the file, in its order
  std::map<std::string, int> prefixes;    ///< stripped from names, of how many tensors: "module."
  std::int64_t backbone = 0, fitted = 0;  ///< parameters of the backbone, and of those that the file has

  /// fitted / backbone
  [[nodiscard]] double share() const;
  [[nodiscard]] std::vector<const FittedTensor*> with(WeightFit fit) const;
};

/// Below this share of the backbone a file is of another network.
inline constexpr double min_backbone_share = 0.9;

/// `network` is of these settings. Names are compared after the prefixes module., model., backbone., encoder., net.
/// and _orig_mod. (of data parallel, Lightning and compiled modules) and after names that torchvision has given up.
/// Throws xr::Error (weights_unfit) where two tensors of the file fit one of the network.
[[nodiscard]] WeightPlan plan_initial_weights(const Module& network, const ModelSettings& settings,
                                              const engine::WeightsFile& file);

/// The same without the network's memory: of its parameters only.
[[nodiscard]] WeightPlan plan_initial_weights(const ModelSettings& settings, const engine::WeightsFile& file);

/// How much of the backbone of a known network the file has.
struct NetworkMatch {
  std::string name;
  std::int64_t channels = 1;
  double share = 0.0;
  std::int64_t adapted = 0;  ///< tensors that have other channels in the file
};
/// Of all known networks, with one and with three channels and otherwise these settings: the best match first, of equals
/// that with fewer adapted tensors.
[[nodiscard]] std::vector<NetworkMatch> match_networks(const ModelSettings& settings,
                                                       const engine::WeightsFile& file);

/// Overwrites what the plan takes from the file. Throws xr::Error (weights_damaged) for numbers that are not finite,
/// before anything is changed.
void load_initial_weights(const WeightPlan& plan, const engine::WeightsFile& file, Module& network);

}  // namespace xr::model
