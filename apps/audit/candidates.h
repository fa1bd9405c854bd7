// Which pairs of images are worth aligning: all pairs of a small set, the neighbours in an index of a large
// one.
#pragma once

#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "apps/audit/orientation.h"
#include "apps/audit/tell.h"

namespace xr::audit {

/// A picture with what it is compared by.
struct Described {
  std::size_t index = 0;  ///< of the image; one image may be described with and without its border
  bool framed = false;    ///< the border is left out
  const Thumbnail* picture = nullptr;
  std::array<Descriptor, crops.size()> crop;
  Descriptor equalised;                                ///< of the equalised picture
  std::array<DetailDescriptor, crops.size()> details;  ///< of the same crops
  DetailDescriptor equalised_details;
};

[[nodiscard]] Described describe_picture(std::size_t index, bool framed, const Thumbnail& picture);

/// What is to be tried on two pictures, in this order.
struct Candidate {
  const Described *a = nullptr, *b = nullptr;
  bool plain = false;    ///< as they are:
  std::size_t crop = 0;  ///< of b, if the whole of a is it; of a, if `swapped`
  bool swapped = false, inverted = false;
  Turn turn = Turn::none;  ///< b turned, unless none
  bool turned_inverted = false;
  bool equalised = false;  ///< both equalised

  [[nodiscard]] bool any() const { return plain || turn != Turn::none || equalised; }
};

/// Nothing to try if they are too different, or of one image.
[[nodiscard]] Candidate examine(const Described& a, const Described& b);

/// Of all pairs, in their order.
[[nodiscard]] std::vector<Candidate> all_candidates(const std::vector<Described>& pictures, int workers,
                                                    const data::Progress& progress);

/// Tells for each candidate whether it is a pair of copies.
using AreCopies = std::function<std::vector<char>(const std::vector<Candidate>&)>;

/// Of the pairs that an index finds near each other: each picture and its nearest 16, and then the nearest
/// 160 of those of which 8 are copies. `are_copies` is asked twice, of different pairs; not of those that are only
/// somewhat alike in outline and in detail, among which copies are that lost more than 6 % of two sides. The
/// index (hierarchical navigable small worlds, Malkov and Yashunin 2018) is filled by one thread and then only
/// read, so that the result does not depend on `workers`. It holds what of a descriptor stays the same in all
/// turns and inverted, standardised over the set; the equalised pictures have a second one.
void indexed_candidates(const std::vector<Described>& pictures, int workers, const Tell& tell,
                        const AreCopies& are_copies);

}  // namespace xr::audit
