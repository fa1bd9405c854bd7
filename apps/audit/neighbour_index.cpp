#include "apps/audit/neighbour_index.h"

#include <hnswlib/hnswlib.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <stdexcept>

#include "kernels/common/error.h"

namespace xr::audit {

namespace {

constexpr std::size_t links = 16;          // of a vector to others, twice as many at the lowest level
constexpr std::size_t build_effort = 200;  // vectors looked at to link one
constexpr std::size_t search_effort = 96;  // and to answer a question, at least

/// The squared distance of two descriptors, in partial sums that a compiler can put into one register.
float squared_distance(const void* first, const void* second, const void* /*parameter*/) {
  constexpr std::size_t lanes = 16;
  static_assert(descriptor_length % lanes == 0);
  const auto *a = static_cast<const float*>(first), *b = static_cast<const float*>(second);
  std::array<float, lanes> sums{};
  for (std::size_t i = 0; i < descriptor_length; i += lanes)
    for (std::size_t k = 0; k < lanes; ++k) sums[k] += (a[i + k] - b[i + k]) * (a[i + k] - b[i + k]);
  return std::accumulate(sums.begin(), sums.end(), 0.0f);
}

}  // namespace

struct NeighbourIndex::Implementation {
  struct Space : hnswlib::SpaceInterface<float> {
    size_t get_data_size() override { return sizeof(Descriptor); }
    hnswlib::DISTFUNC<float> get_dist_func() override { return squared_distance; }
    void* get_dist_func_param() override { return nullptr; }
  };

  Space space;
  hnswlib::HierarchicalNSW<float> graph;
  std::size_t count = 0;

  explicit Implementation(std::size_t capacity)
      : graph(&space, std::max<std::size_t>(1, capacity), links, build_effort) {
    graph.setEf(search_effort);
  }
};

NeighbourIndex::NeighbourIndex(std::size_t capacity) {
  try {
    implementation_ = std::make_unique<Implementation>(capacity);
  } catch (const std::runtime_error& error) {
    throw Error(fmt::format("cannot make an index of {} images: {}", capacity, error.what()));
  }
}

NeighbourIndex::~NeighbourIndex() = default;

void NeighbourIndex::add(const Descriptor& vector) {
  try {
    implementation_->graph.addPoint(vector.data(), implementation_->count);
  } catch (const std::runtime_error& error) {
    throw Error(fmt::format("cannot add image {} to the index: {}", implementation_->count, error.what()));
  }
  ++implementation_->count;
}

void NeighbourIndex::nearest(const Descriptor& query, std::size_t count,
                             std::vector<std::uint32_t>& found) const {
  if (implementation_->count == 0) return;
  auto nearest = implementation_->graph.searchKnn(query.data(), std::min(count, implementation_->count));
  for (; !nearest.empty(); nearest.pop()) found.push_back(static_cast<std::uint32_t>(nearest.top().second));
}

}  // namespace xr::audit
