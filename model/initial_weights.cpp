#include "model/initial_weights.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <unordered_map>

#include "kernels/common/error_codes.h"

namespace xr::model {

namespace {

using engine::StoredTensor;
using engine::WeightsFile;

constexpr const char* known_prefixes[] = {"module.", "model.", "backbone.", "encoder.", "net.", "_orig_mod."};

/// "features.denseblock1.denselayer2.norm.1.weight" of torchvision's older files is today's "...norm1.weight".
std::string modern_name(const std::string& name) {
  if (name.find("denselayer") == std::string::npos) return name;
  for (const char* part : {".norm.", ".relu.", ".conv."}) {
    const std::size_t at = name.find(part);
    if (at == std::string::npos) continue;
    const std::size_t dot = at + std::char_traits<char>::length(part) - 1;
    return name.substr(0, dot) + name.substr(dot + 1);
  }
  return name;
}

/// The network's name for a tensor of a file, and the prefixes stripped for it.
struct Match {
  std::string name;
  std::vector<const char*> prefixes;
};

std::optional<Match> match_name(const std::string& name,
                                const std::unordered_map<std::string, std::size_t>& known) {
  Match match{modern_name(name), {}};
  while (!known.contains(match.name)) {
    const auto prefix = std::ranges::find_if(
        known_prefixes, [&](const char* candidate) { return match.name.starts_with(candidate); });
    if (prefix == std::end(known_prefixes)) return std::nullopt;
    match.name.erase(0, std::char_traits<char>::length(*prefix));
    match.prefixes.push_back(*prefix);
  }
  return match;
}

bool differ_in_channels(const Shape& a, const Shape& b) {
  return a.rank() == 4 && b.rank() == 4 && a[0] == b[0] && a[2] == b[2] && a[3] == b[3];
}

WeightFit fit_of(const FittedTensor& tensor, const StoredTensor& stored, bool takes_image) {
  if (engine::is_floating(stored.type) == tensor.is_integer) return WeightFit::random;
  if (stored.shape == tensor.shape) return WeightFit::loaded;
  if (!takes_image || !differ_in_channels(stored.shape, tensor.shape)) return WeightFit::random;
  if (stored.shape[1] == 3 && tensor.shape[1] == 1) return WeightFit::channels_summed;
  if (stored.shape[1] == 1 && tensor.shape[1] == 3) return WeightFit::channels_repeated;
  return WeightFit::random;
}

/// The parameters that see the image's channels.
std::set<std::string> stem_of(const ModelSettings& settings) {
  ModelSettings other = settings;
  other.channels = settings.channels == 1 ? 3 : 1;
  const std::vector<NamedShape> left = parameter_shapes(settings), right = parameter_shapes(other);
  std::set<std::string> names;
  for (std::size_t i = 0; i < left.size(); ++i)
    if (left[i].shape != right[i].shape) names.insert(left[i].name);
  return names;
}

/// `tensors` without what the file has for them.
WeightPlan plan_for(std::vector<FittedTensor> tensors, const std::set<std::string>& stem,
                    const WeightsFile& file) {
  WeightPlan plan;
  plan.tensors = std::move(tensors);
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) places.emplace(plan.tensors[i].name, i);
  std::unordered_map<std::size_t, Match> taken;
  for (const StoredTensor& stored : file.tensors()) {
    const std::optional<Match> match = match_name(stored.name, places);
    if (!match) {
      plan.unused.push_back(stored.name);
      continue;
    }
    const std::size_t place = places.at(match->name);
    FittedTensor& tensor = plan.tensors[place];
    if (const auto other = taken.find(place); other != taken.end()) {
      XR_CHECK_CODE(other->second.prefixes.size() != match->prefixes.size(), error_code::weights_unfit,
                    "both {} and {} of the file fit {}", tensor.source, stored.name, tensor.name);
      const bool nearer = match->prefixes.size() < other->second.prefixes.size();
      plan.unused.push_back(nearer ? tensor.source : stored.name);
      if (!nearer) continue;
    }
    taken[place] = *match;
    tensor.source = stored.name;
    tensor.source_shape = stored.shape;
    tensor.fit = fit_of(tensor, stored, stem.contains(tensor.name));
  }
  for (const auto& [place, match] : taken)
    for (const char* prefix : match.prefixes) ++plan.prefixes[prefix];
  for (const FittedTensor& tensor : plan.tensors) {
    if (!tensor.is_parameter || tensor.in_head) continue;
    plan.backbone += tensor.shape.numel();
    if (tensor.fit != WeightFit::random) plan.fitted += tensor.shape.numel();
  }
  return plan;
}

std::vector<float> adapted(const FittedTensor& tensor, std::vector<float> values) {
  if (tensor.fit == WeightFit::loaded) return values;
  const auto filters = static_cast<std::size_t>(tensor.shape[0]),
             plane = static_cast<std::size_t>(tensor.shape[2] * tensor.shape[3]);
  std::vector<float> result;
  result.reserve(static_cast<std::size_t>(tensor.shape.numel()));
  for (std::size_t o = 0; o < filters; ++o) {
    if (tensor.fit == WeightFit::channels_summed) {
      const float* from = values.data() + 3 * o * plane;
      for (std::size_t i = 0; i < plane; ++i)
        result.push_back(from[i] + from[plane + i] + from[2 * plane + i]);
    } else {
      for (int c = 0; c < 3; ++c)
        for (std::size_t i = 0; i < plane; ++i) result.push_back(values[o * plane + i] / 3);
    }
  }
  return result;
}

}  // namespace

double WeightPlan::share() const {
  return backbone == 0 ? 0.0 : static_cast<double>(fitted) / static_cast<double>(backbone);
}

std::vector<const FittedTensor*> WeightPlan::with(WeightFit fit) const {
  std::vector<const FittedTensor*> result;
  for (const FittedTensor& tensor : tensors)
    if (tensor.fit == fit) result.push_back(&tensor);
  return result;
}

WeightPlan plan_initial_weights(const Module& network, const ModelSettings& settings,
                                const WeightsFile& file) {
  std::set<std::string> parameters;
  for (const NamedShape& parameter : network.parameter_shapes()) parameters.insert(parameter.name);
  const std::set<std::string> head = head_parameters(settings);
  std::vector<FittedTensor> tensors;
  for (const NamedTensor& tensor : network.state())
    tensors.push_back({.name = tensor.name,
                       .shape = tensor.tensor.shape(),
                       .is_parameter = parameters.contains(tensor.name),
                       .in_head = head.contains(tensor.name),
                       .is_integer = tensor.tensor.dtype() == engine::DType::i64,
                       .source = {},
                       .source_shape = {}});
  return plan_for(std::move(tensors), stem_of(settings), file);
}

WeightPlan plan_initial_weights(const ModelSettings& settings, const WeightsFile& file) {
  const std::set<std::string> head = head_parameters(settings);
  std::vector<FittedTensor> tensors;
  for (const NamedShape& parameter : parameter_shapes(settings))
    tensors.push_back({.name = parameter.name,
                       .shape = parameter.shape,
                       .in_head = head.contains(parameter.name),
                       .source = {},
                       .source_shape = {}});
  return plan_for(std::move(tensors), stem_of(settings), file);
}

std::vector<NetworkMatch> match_networks(const ModelSettings& settings, const WeightsFile& file) {
  std::vector<NetworkMatch> matches;
  for (const std::string& name : model_names()) {
    for (const std::int64_t channels : {settings.channels, settings.channels == 1 ? std::int64_t{3} : 1}) {
      ModelSettings candidate = settings;
      candidate.name = name;
      candidate.channels = channels;
      try {
        const WeightPlan plan = plan_initial_weights(candidate, file);
        const auto adapted = std::ranges::count_if(plan.tensors, [](const FittedTensor& tensor) {
          return tensor.fit == WeightFit::channels_summed || tensor.fit == WeightFit::channels_repeated;
        });
        matches.push_back({name, channels, plan.share(), adapted});
      } catch (const Error&) {  // not of this image size; or two tensors for one
      }
    }
  }
  std::ranges::stable_sort(matches, [](const NetworkMatch& a, const NetworkMatch& b) {
    return a.share != b.share ? a.share > b.share : a.adapted < b.adapted;
  });
  return matches;
}

void load_initial_weights(const WeightPlan& plan, const WeightsFile& file, Module& network) {
  std::unordered_map<std::string, const StoredTensor*> stored;
  for (const StoredTensor& tensor : file.tensors()) stored.emplace(tensor.name, &tensor);
  std::vector<NamedTensor> state = network.state();
  // Twice: first to see that all is sound.
  for (const bool write : {false, true})
    for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
      const FittedTensor& fitted = plan.tensors[i];
      if (fitted.fit == WeightFit::random) continue;
      const Tensor loaded = file.load(*stored.at(fitted.source));
      Tensor& target = state[i].tensor;
      if (loaded.dtype() == engine::DType::i64) {
        const std::vector<std::int64_t> values = loaded.to_host_i64();
        if (write)
          target.backend().copy_from_host(target.mutable_view().data, values.data(),
                                          values.size() * sizeof(std::int64_t));
        continue;
      }
      const std::vector<float> values = loaded.to_host();
      XR_CHECK_CODE(std::ranges::all_of(values, [](float value) { return std::isfinite(value); }),
                    error_code::weights_damaged, "the tensor {} of the file has numbers that are not finite",
                    fitted.source);
      if (write) target.copy_from_host(adapted(fitted, values));
    }
}

}  // namespace xr::model
