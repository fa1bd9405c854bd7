#include "apps/audit/duplicates.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

namespace xr::audit {

namespace {

constexpr float min_likeness = 0.94f;      // of descriptors: what is less alike is never aligned
constexpr float hopeless_likeness = 0.5f;  // of the whole images: no crop makes up for that
constexpr std::size_t block = 64;          // images whose descriptors are compared at a time
constexpr double min_contrast = 4.0;       // grey levels: below it there is nothing to correlate
constexpr std::size_t members_shown_in_full = 30;
constexpr double max_trimmed = 0.045;  // part of a side: more is another crop

/// One image of each set of exact copies, with descriptors of all crops; once more without its border.
struct Described {
  std::size_t index = 0;
  bool framed = false;  // the border is left out
  const Thumbnail* picture = nullptr;
  std::array<Descriptor, crops.size()> crop;
};

struct Candidate {
  const Described *a = nullptr, *b = nullptr;
  std::size_t crop = 0;  // of b, if the whole of a is it; of a, if `swapped`
  bool swapped = false, inverted = false;
};

using Group = std::vector<std::size_t>;

std::vector<Group> exact_groups(std::span<const Fingerprint> images) {
  std::map<std::pair<std::uint64_t, Thumbnail>, Group> by_pixels;
  for (std::size_t i = 0; i < images.size(); ++i)
    by_pixels[{images[i].pixels, images[i].thumbnail}].push_back(i);
  std::vector<Group> groups;
  for (auto& [pixels, group] : by_pixels) groups.push_back(std::move(group));
  std::sort(groups.begin(), groups.end());
  return groups;
}

float product(const Descriptor& a, const Descriptor& b) {
  float lane[16] = {};  // independent sums, so that the compiler may use vectors
  for (std::size_t i = 0; i < descriptor_length; i += 16)
    for (std::size_t k = 0; k < 16; ++k) lane[k] += a[i + k] * b[i + k];
  float sum = 0;
  for (const float value : lane) sum += value;
  return sum;
}

/// The most alike of: the whole of one image and the crops of the other. The descriptor of an inverted image
/// is that of the image with the other sign.
void compare(const Described& a, const Described& b, std::vector<Candidate>& found) {
  if (a.index == b.index) return;
  const float whole = product(a.crop[0], b.crop[0]), sign = whole < 0 ? -1.0f : 1.0f;
  if (sign * whole < hopeless_likeness) return;
  float best = min_likeness;
  Candidate candidate;
  bool any = false;
  for (std::size_t v = 0; v < crops.size(); ++v) {
    if (const float likeness = sign * product(a.crop[0], b.crop[v]); likeness >= best) {
      best = likeness;
      candidate = {&a, &b, v, false, whole < 0};
      any = true;
    }
    if (v == 0) continue;
    if (const float likeness = sign * product(b.crop[0], a.crop[v]); likeness >= best) {
      best = likeness;
      candidate = {&a, &b, v, true, whole < 0};
      any = true;
    }
  }
  if (any) found.push_back(candidate);
}

std::vector<Candidate> find_candidates(const std::vector<Described>& images, int workers,
                                       const data::Progress& progress) {
  const std::size_t blocks = (images.size() + block - 1) / block;
  std::vector<std::vector<Candidate>> of_block(blocks);
  data::run_jobs(blocks, workers, progress, [&](std::size_t row) {
    const std::size_t begin = row * block, end = std::min(images.size(), begin + block);
    for (std::size_t other = row; other < blocks; ++other)
      for (std::size_t i = begin; i < end; ++i)
        for (std::size_t j = std::max(i + 1, other * block); j < std::min(images.size(), (other + 1) * block);
             ++j)
          compare(images[i], images[j], of_block[row]);
  });
  std::vector<Candidate> all;
  for (const auto& part : of_block) all.insert(all.end(), part.begin(), part.end());
  return all;
}

/// Nothing if they turn out not to be copies.
std::optional<CopyPair> align(const Candidate& candidate) {
  const Thumbnail& a = *candidate.a->picture;
  Thumbnail b = *candidate.b->picture;
  if (candidate.inverted)
    for (std::uint8_t& pixel : b) pixel = static_cast<std::uint8_t>(255 - pixel);
  const Likeness found = candidate.swapped ? align_and_compare(b, a, crops[candidate.crop])
                                           : align_and_compare(a, b, crops[candidate.crop]);
  if (!(found.correlation >= min_correlation && found.detail >= min_detail)) return std::nullopt;
  const double correlation = found.cut <= max_trimmed ? found.correlation : plain_correlation(a, b);
  return CopyPair{std::min(candidate.a->index, candidate.b->index),
                  std::max(candidate.a->index, candidate.b->index),
                  CopyKind::near,
                  correlation,
                  found.correlation,
                  found.cut,
                  candidate.inverted,
                  candidate.a->framed || candidate.b->framed};
}

/// Every image of one group with every image of the other; of large groups with their first one only.
void add_near(std::vector<CopyPair>& pairs, const Group& a, const Group& b, const CopyPair& found) {
  const std::size_t from_a = a.size() * b.size() <= members_shown_in_full ? a.size() : 1;
  const std::size_t from_b = a.size() * b.size() <= members_shown_in_full ? b.size() : 1;
  for (std::size_t i = 0; i < from_a; ++i)
    for (std::size_t j = 0; j < from_b; ++j) {
      pairs.push_back(found);
      pairs.back().a = std::min(a[i], b[j]);
      pairs.back().b = std::max(a[i], b[j]);
    }
}

void add_exact(std::vector<CopyPair>& pairs, const Group& group) {
  const std::size_t first = group.size() <= members_shown_in_full ? group.size() : 1;
  for (std::size_t i = 0; i < first; ++i)
    for (std::size_t j = i + 1; j < group.size(); ++j) pairs.push_back({group[i], group[j]});
}

}  // namespace

Copies find_copies(std::span<const Fingerprint> images, int workers, const data::Progress& progress) {
  const std::vector<Group> groups = exact_groups(images);
  std::map<std::size_t, const Group*> group_of;
  std::vector<Described> described;
  for (const Group& group : groups) {
    const Fingerprint& image = images[group.front()];
    group_of[group.front()] = &group;
    if (contrast(image.thumbnail) >= min_contrast)
      described.push_back({group.front(), false, &image.thumbnail, {}});
    if (image.framed && contrast(image.picture) >= min_contrast)
      described.push_back({group.front(), true, &image.picture, {}});
  }
  data::run_jobs(described.size(), workers, {}, [&](std::size_t i) {
    for (std::size_t v = 0; v < crops.size(); ++v)
      described[i].crop[v] = describe(*described[i].picture, crops[v]);
  });
  const std::vector<Candidate> candidates = find_candidates(described, workers, progress);
  std::vector<std::optional<CopyPair>> near(candidates.size());
  data::run_jobs(candidates.size(), workers, {}, [&](std::size_t i) { near[i] = align(candidates[i]); });

  Copies copies;
  copies.candidates = candidates.size();
  for (const Group& group : groups) add_exact(copies.pairs, group);
  std::map<std::pair<std::size_t, std::size_t>, CopyPair> best;  // with and without borders
  for (const std::optional<CopyPair>& pair : near) {
    if (!pair) continue;
    const auto [found, added] = best.try_emplace({pair->a, pair->b}, *pair);
    if (!added && pair->aligned_correlation > found->second.aligned_correlation) found->second = *pair;
  }
  for (const auto& [key, pair] : best) add_near(copies.pairs, *group_of[pair.a], *group_of[pair.b], pair);
  std::sort(copies.pairs.begin(), copies.pairs.end(), [](const CopyPair& x, const CopyPair& y) {
    return std::tie(x.a, x.b, x.kind) < std::tie(y.a, y.b, y.kind);
  });
  copies.complete = copies.pairs.size() <= max_pairs;
  if (!copies.complete) copies.pairs.resize(max_pairs);
  return copies;
}

}  // namespace xr::audit
