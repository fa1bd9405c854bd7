// Images that are there twice: the same pixels, or the same picture saved, resized, cropped or exposed anew.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "apps/audit/orientation.h"
#include "apps/audit/shared_jobs.h"
#include "apps/audit/tell.h"

namespace xr::audit {

/// What a copy is looked for by.
using Fingerprint = data::PicturePrint;

enum class CopyKind { exact, near };

/// Two images, by their place in the list; a < b.
struct CopyPair {
  std::size_t a = 0, b = 0;
  CopyKind kind = CopyKind::exact;
  /// Of the two images where at most 4.5 % of a side is cut off one of them: 1 for exact copies, above
  /// `min_correlation` for those that were saved anew, resized, brightened or trimmed. Copies that were
  /// cropped more are in the list too; they have a lower one here, as nothing is aligned for it.
  double correlation = 1;
  double aligned_correlation = 1;  ///< Of what both show, aligned. This is what decides.
  double cut = 0;                  ///< Largest part of a side that only one of them shows.
  bool inverted = false;           ///< Black in one is white in the other.
  bool framed = false;             ///< All of this is without the uniform border of one of them, or both.
  Turn turn = Turn::none;          ///< How b is to be turned to look like a.
  /// Grey levels were changed in their order, as by equalising the histogram: the correlations are those of
  /// the equalised pictures.
  bool equalised = false;
};

/// A near copy has at least this correlation when aligned, ...
constexpr double min_correlation = 0.985;
/// ... and its details correlate at least so: chests of one patient that are very much alike do not.
constexpr double min_detail = 0.8;

struct Copies {
  std::vector<CopyPair> pairs;  ///< ordered by a, then b; at most `max_pairs`
  std::size_t candidates = 0;   ///< pairs that were aligned and compared
  bool complete = true;         ///< false if there were more pairs than are kept
  bool by_index = false;        ///< candidates came from the index: a few pairs may be missed
};
constexpr std::size_t max_pairs = 20000;

/// Sets up to this size are compared pair by pair.
constexpr std::size_t max_all_pairs = 4000;

enum class CopySearch {
  automatic,  ///< by size
  all_pairs,
  index
};

/// Compares all images, also without their uniform borders, with inverted grey levels, turned, mirrored and
/// equalised. The cosine descriptors of the crops (similarity.h) find the candidates, in O(n^2) products of 64
/// numbers, or for a large set in an index (candidates.h), which misses some; alignment and correlation
/// decide: a pair that the index finds is one that the other search finds, with the same figures. The result
/// does not depend on `workers` (0: one per core), nor on the ranks, each of which aligns its part. `tell` is called from the calling thread. Images without contrast have exact copies only.
[[nodiscard]] Copies find_copies(std::span<const Fingerprint* const> images, int workers,
                                 const Tell& tell = {}, CopySearch search = CopySearch::automatic,
                                 Ranks ranks = nullptr);
[[nodiscard]] Copies find_copies(std::span<const Fingerprint> images, int workers, const Tell& tell = {},
                                 CopySearch search = CopySearch::automatic);

}  // namespace xr::audit
