#include "apps/audit/candidates.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <memory>
#include <numeric>

#include "apps/audit/neighbour_index.h"

namespace xr::audit {

namespace {

constexpr float min_likeness = 0.94f;      // of descriptors: what is less alike is never aligned
constexpr float hopeless_likeness = 0.5f;  // of the whole images: no crop makes up for that
constexpr float min_detail_likeness = 0.5f;
constexpr float sure_likeness = 0.97f, sure_detail_likeness = 0.75f;  // of copies one at least is above it
constexpr std::size_t block = 64;  // images whose descriptors are compared at a time
constexpr std::size_t neighbours = 16, many_neighbours = 160;

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
void examine_crops(const Described& a, const Described& b, Candidate& candidate) {
  const float whole = product(a.crop[0], b.crop[0]), sign = whole < 0 ? -1.0f : 1.0f;
  if (sign * whole < hopeless_likeness) return;
  float best = min_likeness;
  const auto take = [&](float likeness, std::size_t crop, bool swapped) {
    if (likeness < best) return;
    best = likeness;
    candidate.plain = true;
    candidate.crop = crop;
    candidate.swapped = swapped;
    candidate.inverted = whole < 0;
  };
  for (std::size_t v = 0; v < crops.size(); ++v) {
    take(sign * product(a.crop[0], b.crop[v]), v, false);
    if (v > 0) take(sign * product(b.crop[0], a.crop[v]), v, true);
  }
}

/// The turn in which they are most alike, if their details are alike in it.
void examine_turns(const Described& a, const Described& b, Candidate& candidate) {
  const std::array<float, turns> products = turned_products(a.crop[0], b.crop[0]);
  float best = min_likeness;
  Turn turn = Turn::none;
  for (std::size_t t = 1; t < turns; ++t)
    if (std::abs(products[t]) >= best) {
      best = std::abs(products[t]);
      turn = static_cast<Turn>(t);
    }
  if (turn == Turn::none) return;
  const bool inverted = products[static_cast<std::size_t>(turn)] < 0;
  const float details = detail_likeness(a.details[0], b.details[0], turn);
  if ((inverted ? -details : details) < min_detail_likeness) return;
  candidate.turn = turn;
  candidate.turned_inverted = inverted;
}

void examine_equalised(const Described& a, const Described& b, Candidate& candidate) {
  candidate.equalised =
      product(a.equalised, b.equalised) >= min_likeness &&
      detail_likeness(a.equalised_details, b.equalised_details, Turn::none) >= min_detail_likeness;
}

/// Crops of more than `crops` has: near enough to copies that lost 6 to 10 % of one side for their details to be alike.
constexpr std::array<Crop, 4> side_crops = {
    {{0.08f, 0, 0, 0}, {0, 0.08f, 0, 0}, {0, 0, 0.08f, 0}, {0, 0, 0, 0.08f}}};
using SideDetails = std::array<DetailDescriptor, side_crops.size()>;

SideDetails describe_sides(const Thumbnail& picture) {
  SideDetails result;
  for (std::size_t s = 0; s < side_crops.size(); ++s)
    result[s] = describe_details(cropped(picture, side_crops[s]));
  return result;
}

/// Whether the whole of one may be the other without a part of one side.
bool is_without_side(const Described& whole, const SideDetails& cut, float sign) {
  return std::ranges::any_of(cut, [&](const DetailDescriptor& details) {
    return sign * detail_likeness(whole.details[0], details, Turn::none) >= sure_detail_likeness;
  });
}

/// Whether outline or details are alike as those of copies are that lost little.
bool is_much_alike(const Candidate& candidate) {
  const Described& whole = candidate.swapped ? *candidate.b : *candidate.a;
  const Described& cut = candidate.swapped ? *candidate.a : *candidate.b;
  const float sign = candidate.inverted ? -1.0f : 1.0f;
  return sign * product(whole.crop[0], cut.crop[candidate.crop]) >= sure_likeness ||
         sign * detail_likeness(whole.details[0], cut.details[candidate.crop], Turn::none) >=
             sure_detail_likeness;
}

/// Each coordinate with mean 0 and deviation 1 over a set, then the whole of length 1.
class Standardised {
 public:
  explicit Standardised(const std::vector<Descriptor>& set) {
    std::array<double, descriptor_length> sum{}, squares{};
    for (const Descriptor& descriptor : set)
      for (std::size_t i = 0; i < descriptor_length; ++i) {
        sum[i] += descriptor[i];
        squares[i] += static_cast<double>(descriptor[i]) * descriptor[i];
      }
    const auto count = static_cast<double>(std::max<std::size_t>(1, set.size()));
    for (std::size_t i = 0; i < descriptor_length; ++i) {
      const double mean = sum[i] / count, variance = squares[i] / count - mean * mean;
      mean_[i] = static_cast<float>(mean);
      scale_[i] = variance > 1e-12 ? static_cast<float>(1 / std::sqrt(variance)) : 0.0f;
    }
  }

  [[nodiscard]] Descriptor operator()(const Descriptor& descriptor) const {
    Descriptor result;
    double square = 0;
    for (std::size_t i = 0; i < descriptor_length; ++i) {
      result[i] = (descriptor[i] - mean_[i]) * scale_[i];
      square += static_cast<double>(result[i]) * result[i];
    }
    if (square > 0)
      for (float& value : result) value /= static_cast<float>(std::sqrt(square));
    return result;
  }

 private:
  Descriptor mean_{}, scale_{};
};

/// An index of one descriptor of each picture, and what to ask it.
class Neighbourhood {
 public:
  explicit Neighbourhood(std::vector<Descriptor> wholes)
      : standardised_(wholes), index_(wholes.size()), wholes_(std::move(wholes)) {}
  /// The next ones of the set, from one thread.
  void add(std::size_t count) {
    for (; count > 0 && added_ < wholes_.size(); --count) index_.add(standardised_(wholes_[added_++]));
    if (added_ == wholes_.size()) wholes_ = {};
  }
  void nearest(const Descriptor& invariant, std::size_t count, std::vector<std::uint32_t>& found) const {
    index_.nearest(standardised_(invariant), count, found);
  }

 private:
  Standardised standardised_;
  NeighbourIndex index_;
  std::vector<Descriptor> wholes_;
  std::size_t added_ = 0;
};

using Pair = std::pair<std::uint32_t, std::uint32_t>;

class IndexedSearch {
 public:
  IndexedSearch(const std::vector<Described>& pictures, int workers, const data::Progress& progress)
      : pictures_(pictures), sides_(pictures.size()), workers_(workers) {
    data::run_jobs(pictures.size(), workers, {},
                   [&](std::size_t i) { sides_[i] = describe_sides(*pictures[i].picture); });
    std::array<std::unique_ptr<Neighbourhood>, 2> built;
    data::run_jobs(2, workers, {}, [&](std::size_t which) {
      std::vector<Descriptor> wholes;
      wholes.reserve(pictures.size());
      for (const Described& picture : pictures)
        wholes.push_back(invariants(which == 0 ? picture.crop[0] : picture.equalised));
      built[which] = std::make_unique<Neighbourhood>(std::move(wholes));
    });
    constexpr std::size_t part = 1024;
    for (std::size_t done = 0; done < pictures.size(); done += part) {
      data::run_jobs(2, workers, {}, [&](std::size_t which) { built[which]->add(part); });
      if (progress) progress(std::min(pictures.size(), done + part), pictures.size());
    }
    plain_ = std::move(built[0]);
    equalised_ = std::move(built[1]);
  }

  /// The pairs of these pictures with their neighbours that are candidates and were not asked about before.
  std::vector<Candidate> candidates(const std::vector<std::uint32_t>& of, std::size_t count,
                                    const data::Progress& progress) {
    std::vector<std::vector<Pair>> found(of.size());
    data::run_jobs(of.size(), workers_, progress, [&](std::size_t i) {
      std::vector<std::uint32_t> near;
      for (const Descriptor& crop : pictures_[of[i]].crop) plain_->nearest(invariants(crop), count, near);
      equalised_->nearest(invariants(pictures_[of[i]].equalised), count, near);
      std::ranges::sort(near);
      near.erase(std::unique(near.begin(), near.end()), near.end());
      for (const std::uint32_t other : near)
        if (other != of[i]) found[i].emplace_back(std::min(of[i], other), std::max(of[i], other));
    });
    std::vector<Pair> pairs;
    for (std::vector<Pair>& part : found) {
      pairs.insert(pairs.end(), part.begin(), part.end());
      part = {};
    }
    std::ranges::sort(pairs);
    pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
    std::vector<Pair> fresh;
    std::ranges::set_difference(pairs, asked_, std::back_inserter(fresh));
    std::vector<Candidate> result(fresh.size());
    constexpr std::size_t part = 4096;
    data::run_jobs((fresh.size() + part - 1) / part, workers_, {}, [&](std::size_t p) {
      for (std::size_t i = p * part; i < std::min(fresh.size(), (p + 1) * part); ++i) {
        result[i] = examine(pictures_[fresh[i].first], pictures_[fresh[i].second]);
        result[i].plain = result[i].plain && is_promising(result[i]);
      }
    });
    std::erase_if(result, [](const Candidate& candidate) { return !candidate.any(); });
    asked_ = std::move(pairs);
    return result;
  }

 private:
  /// Whether it is likely enough for a set of which not every candidate can be aligned. Of phantoms that are no copies
  /// of each other 30% are; of copies that lost at most 6 % of the sides, or 8 % of one, all
  /// (`test_audit "[recall]"`).
  [[nodiscard]] bool is_promising(const Candidate& candidate) const {
    const float sign = candidate.inverted ? -1.0f : 1.0f;
    const auto sides = [&](const Described* picture) -> const SideDetails& {
      return sides_[static_cast<std::size_t>(picture - pictures_.data())];
    };
    return is_much_alike(candidate) || is_without_side(*candidate.a, sides(candidate.b), sign) ||
           is_without_side(*candidate.b, sides(candidate.a), sign);
  }

  const std::vector<Described>& pictures_;
  std::vector<SideDetails> sides_;
  int workers_;
  std::unique_ptr<Neighbourhood> plain_, equalised_;
  std::vector<Pair> asked_;
};

}  // namespace

Described describe_picture(std::size_t index, bool framed, const Thumbnail& picture) {
  Described result{index, framed, &picture, {}, {}, {}, {}};
  for (std::size_t v = 0; v < crops.size(); ++v) result.crop[v] = describe(picture, crops[v]);
  const Thumbnail even = equalised(picture);
  result.equalised = describe(even, crops[0]);
  for (std::size_t v = 0; v < crops.size(); ++v)
    result.details[v] = describe_details(v == 0 ? picture : cropped(picture, crops[v]));
  result.equalised_details = describe_details(even);
  return result;
}

Candidate examine(const Described& a, const Described& b) {
  Candidate candidate;
  candidate.a = &a;
  candidate.b = &b;
  if (a.index == b.index) return candidate;
  examine_crops(a, b, candidate);
  examine_turns(a, b, candidate);
  examine_equalised(a, b, candidate);
  return candidate;
}

std::vector<Candidate> all_candidates(const std::vector<Described>& pictures, int workers,
                                      const data::Progress& progress) {
  const std::size_t blocks = (pictures.size() + block - 1) / block;
  std::vector<std::vector<Candidate>> of_block(blocks);
  data::run_jobs(blocks, workers, progress, [&](std::size_t row) {
    const std::size_t begin = row * block, end = std::min(pictures.size(), begin + block);
    for (std::size_t other = row; other < blocks; ++other)
      for (std::size_t i = begin; i < end; ++i)
        for (std::size_t j = std::max(i + 1, other * block);
             j < std::min(pictures.size(), (other + 1) * block); ++j)
          if (const Candidate found = examine(pictures[i], pictures[j]); found.any())
            of_block[row].push_back(found);
  });
  std::vector<Candidate> all;
  for (const auto& part : of_block) all.insert(all.end(), part.begin(), part.end());
  return all;
}

void indexed_candidates(const std::vector<Described>& pictures, int workers, const Tell& tell,
                        const AreCopies& are_copies) {
  IndexedSearch search(pictures, workers, telling(tell, "Building the index"));
  std::vector<std::uint32_t> all(pictures.size());
  std::iota(all.begin(), all.end(), 0u);
  const std::vector<Candidate> candidates =
      search.candidates(all, neighbours, telling(tell, "Searching the index"));
  const std::vector<char> copies = are_copies(candidates);
  std::vector<std::size_t> count(pictures.size());
  for (std::size_t i = 0; i < candidates.size(); ++i)
    if (copies[i])
      for (const Described* picture : {candidates[i].a, candidates[i].b})
        ++count[static_cast<std::size_t>(picture - pictures.data())];
  // Of a picture with many copies the nearest are not all.
  std::erase_if(all, [&](std::uint32_t i) { return count[i] < neighbours / 2; });
  if (!all.empty())
    (void)are_copies(search.candidates(all, many_neighbours, telling(tell, "Searching again")));
}

}  // namespace xr::audit
