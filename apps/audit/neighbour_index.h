// The nearest of many vectors, approximately: an index of hnswlib.
#pragma once

#include <memory>
#include <vector>

#include "apps/audit/similarity.h"

namespace xr::audit {

/// What it finds is a function of what was added, in order, whatever the number of threads that ask.
class NeighbourIndex {
 public:
  /// For at most `capacity` vectors. Throws xr::Error if there is not enough memory.
  explicit NeighbourIndex(std::size_t capacity);
  ~NeighbourIndex();
  NeighbourIndex(const NeighbourIndex&) = delete;
  NeighbourIndex& operator=(const NeighbourIndex&) = delete;

  /// Numbered 0, 1, ... From one thread.
  void add(const Descriptor& vector);
  /// Appends the numbers of about the `count` nearest vectors by Euclidean distance, in no order. From any
  /// thread.
  void nearest(const Descriptor& query, std::size_t count, std::vector<std::uint32_t>& found) const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace xr::audit
