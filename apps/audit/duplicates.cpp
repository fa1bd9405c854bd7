#include "apps/audit/duplicates.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

#include "apps/audit/candidates.h"

namespace xr::audit {

namespace {

constexpr double min_contrast = 4.0;  // grey levels: below it there is nothing to correlate
constexpr std::size_t members_shown_in_full = 30;
constexpr double max_trimmed = 0.045;  // part of a side: more is another crop

using Group = std::vector<std::size_t>;

std::vector<Group> exact_groups(std::span<const Fingerprint* const> images) {
  const auto less = [](const Fingerprint* a, const Fingerprint* b) {
    return std::tie(a->pixels, a->thumbnail) < std::tie(b->pixels, b->thumbnail);
  };
  std::map<const Fingerprint*, Group, decltype(less)> by_pixels(less);
  for (std::size_t i = 0; i < images.size(); ++i) by_pixels[images[i]].push_back(i);
  std::vector<Group> groups;
  for (auto& [pixels, group] : by_pixels) groups.push_back(std::move(group));
  std::sort(groups.begin(), groups.end());
  return groups;
}

bool is_copy(const Likeness& found) {
  return found.correlation >= min_correlation && found.detail >= min_detail;
}

CopyPair pair_of(const Candidate& candidate, const Likeness& found) {
  return {std::min(candidate.a->index, candidate.b->index),
          std::max(candidate.a->index, candidate.b->index),
          CopyKind::near,
          found.correlation,
          found.correlation,
          found.cut,
          false,
          candidate.a->framed || candidate.b->framed};
}

Thumbnail inverted_if(bool inverted, Thumbnail picture) {
  if (inverted)
    for (std::uint8_t& pixel : picture) pixel = static_cast<std::uint8_t>(255 - pixel);
  return picture;
}

std::optional<CopyPair> align_plain(const Candidate& candidate) {
  const Thumbnail& a = *candidate.a->picture;
  const Thumbnail b = inverted_if(candidate.inverted, *candidate.b->picture);
  const Likeness found = candidate.swapped ? align_and_compare(b, a, crops[candidate.crop])
                                           : align_and_compare(a, b, crops[candidate.crop]);
  if (!is_copy(found)) return std::nullopt;
  CopyPair pair = pair_of(candidate, found);
  if (found.cut > max_trimmed) pair.correlation = plain_correlation(a, b);
  pair.inverted = candidate.inverted;
  return pair;
}

std::optional<CopyPair> align_turned(const Candidate& candidate) {
  const Thumbnail b = turned(inverted_if(candidate.turned_inverted, *candidate.b->picture), candidate.turn);
  const Likeness found = align_and_compare(*candidate.a->picture, b, crops[0]);
  if (!is_copy(found)) return std::nullopt;
  CopyPair pair = pair_of(candidate, found);
  pair.inverted = candidate.turned_inverted;
  pair.turn = candidate.a->index < candidate.b->index ? candidate.turn : inverse_of(candidate.turn);
  return pair;
}

std::optional<CopyPair> align_equalised(const Candidate& candidate) {
  const Likeness found =
      align_and_compare(equalised(*candidate.a->picture), equalised(*candidate.b->picture), crops[0]);
  if (!is_copy(found)) return std::nullopt;
  CopyPair pair = pair_of(candidate, found);
  pair.equalised = true;
  return pair;
}

/// Nothing if they turn out not to be copies.
std::optional<CopyPair> align(const Candidate& candidate) {
  std::optional<CopyPair> pair;
  if (candidate.plain) pair = align_plain(candidate);
  if (!pair && candidate.turn != Turn::none) pair = align_turned(candidate);
  if (!pair && candidate.equalised) pair = align_equalised(candidate);
  return pair;
}

/// Of an image with and without its border: as they are rather than changed, then the higher correlation.
bool explains_better(const CopyPair& a, const CopyPair& b) {
  const auto changed = [](const CopyPair& pair) { return pair.turn != Turn::none || pair.equalised; };
  if (changed(a) != changed(b)) return changed(b);
  return a.aligned_correlation > b.aligned_correlation;
}

/// One picture of each set of exact copies, and once more without its border.
std::vector<Described> describe_groups(std::span<const Fingerprint* const> images,
                                       const std::vector<Group>& groups, int workers, const Tell& tell) {
  struct Picture {
    std::size_t index;
    bool framed;
    const Thumbnail* picture;
  };
  std::vector<Picture> pictures;
  for (const Group& group : groups) {
    const Fingerprint& image = *images[group.front()];
    if (contrast(image.thumbnail) >= min_contrast)
      pictures.push_back({group.front(), false, &image.thumbnail});
    if (image.framed && contrast(image.picture) >= min_contrast)
      pictures.push_back({group.front(), true, &image.picture});
  }
  std::vector<Described> result(pictures.size());
  data::run_jobs(pictures.size(), workers, telling(tell, "Describing images"), [&](std::size_t i) {
    result[i] = describe_picture(pictures[i].index, pictures[i].framed, *pictures[i].picture);
  });
  return result;
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

Copies find_copies(std::span<const Fingerprint* const> images, int workers, const Tell& tell,
                   CopySearch search, Ranks ranks) {
  const std::vector<Group> groups = exact_groups(images);
  std::map<std::size_t, const Group*> group_of;
  for (const Group& group : groups) group_of[group.front()] = &group;
  const std::vector<Described> described = describe_groups(images, groups, workers, tell);

  Copies copies;
  copies.by_index =
      search == CopySearch::index || (search == CopySearch::automatic && described.size() > max_all_pairs);
  std::map<std::pair<std::size_t, std::size_t>, CopyPair> best;
  const AreCopies are_copies = [&](const std::vector<Candidate>& candidates) {
    std::vector<std::optional<CopyPair>> near(candidates.size());
    run_shared_jobs<std::optional<CopyPair>>(near, ranks, workers, telling(tell, "Comparing candidates"),
                                             [&](std::size_t i) { return align(candidates[i]); });
    std::vector<char> result;
    for (const std::optional<CopyPair>& pair : near) {
      result.push_back(pair ? 1 : 0);
      if (!pair) continue;
      const auto [found, added] = best.try_emplace({pair->a, pair->b}, *pair);
      if (!added && explains_better(*pair, found->second)) found->second = *pair;
    }
    copies.candidates += candidates.size();
    return result;
  };
  if (copies.by_index)
    indexed_candidates(described, workers, tell, are_copies);
  else
    (void)are_copies(all_candidates(described, workers, telling(tell, "Comparing images")));

  for (const Group& group : groups) add_exact(copies.pairs, group);
  for (const auto& [key, pair] : best) add_near(copies.pairs, *group_of[pair.a], *group_of[pair.b], pair);
  std::sort(copies.pairs.begin(), copies.pairs.end(), [](const CopyPair& x, const CopyPair& y) {
    return std::tie(x.a, x.b, x.kind) < std::tie(y.a, y.b, y.kind);
  });
  copies.complete = copies.pairs.size() <= max_pairs;
  if (!copies.complete) copies.pairs.resize(max_pairs);
  return copies;
}

Copies find_copies(std::span<const Fingerprint> images, int workers, const Tell& tell, CopySearch search) {
  std::vector<const Fingerprint*> pointers;
  for (const Fingerprint& image : images) pointers.push_back(&image);
  return find_copies(std::span<const Fingerprint* const>(pointers), workers, tell, search);
}

}  // namespace xr::audit
