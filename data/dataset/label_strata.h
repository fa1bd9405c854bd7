// Strata of images with several labels each.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace xr::data {

/// Of each image the rarest label that it has, or `labels` where it has none: what a cut or a resample keeps in
/// proportion. `targets`: images x labels, as Sample::targets. Strata of all combinations would leave most of them
/// one image: K. Sechidis, G. Tsoumakas, I. Vlahavas, "On the stratification of multi-label data", ECML PKDD 2011.
[[nodiscard]] inline std::vector<std::size_t> label_strata(std::span<const float> targets,
                                                           std::size_t labels) {
  std::vector<std::size_t> having(labels), strata;
  for (std::size_t i = 0; i < targets.size(); ++i) having[i % labels] += targets[i] > 0 ? 1 : 0;
  for (std::size_t first = 0; first < targets.size(); first += labels) {
    std::size_t stratum = labels;
    for (std::size_t l = 0; l < labels; ++l)
      if (targets[first + l] > 0 && (stratum == labels || having[l] < having[stratum])) stratum = l;
    strata.push_back(stratum);
  }
  return strata;
}

}  // namespace xr::data
