// Shapes that several operations are tested at, chosen to hurt: 1x1 images, extents that are no multiple of a
// tile, batch 1, one and three channels, one element, many pieces.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "tests/ops/call.h"

namespace xr::tests {

/// Named by its extents.
struct ShapeCase {
  std::string name;
  Shape shape;
};

[[nodiscard]] inline std::vector<ShapeCase> named(const std::vector<Shape>& shapes) {
  std::vector<ShapeCase> cases;
  for (const Shape& shape : shapes) cases.push_back({times(shape), shape});
  return cases;
}

/// Shapes of activations for operations without parameters (relu, global average pooling, reorder, dropout).
inline const std::vector<Shape>& activation_shapes() {
  static const std::vector<Shape> shapes = {{1, 1, 1, 1},   {2, 3, 5, 7},    {1, 16, 1, 1},   {2, 16, 3, 5},
                                            {3, 32, 9, 4},  {1, 48, 7, 11},  {2, 17, 13, 13}, {4, 64, 33, 31},
                                            {2, 3, 47, 61}, {1, 16, 53, 39}, {2, 5, 4, 6}};
  return shapes;
}

/// More than 16 MiB, where a backend may write around the caches, and no multiple of anything.
inline const Shape large_activation{3, 16, 300, 293};

/// Lengths of flat arrays: of one element, below and above every vector and tile, and many pieces.
inline const std::vector<std::int64_t>& flat_lengths() {
  static const std::vector<std::int64_t> lengths = {1, 3, 15, 16, 17, 255, 1000, 4097, 100003};
  return lengths;
}

/// activation_shapes, then flat_lengths.
[[nodiscard]] inline std::vector<Shape> activations_and_flat_arrays() {
  std::vector<Shape> shapes = activation_shapes();
  for (const std::int64_t length : flat_lengths()) shapes.push_back({length});
  return shapes;
}

/// Two operands that broadcast, or what is summed and the shape that it is summed to.
struct BroadcastCase {
  std::string name;
  Shape a, b;
};

[[nodiscard]] inline std::vector<BroadcastCase> broadcast_cases() {
  std::vector<BroadcastCase> cases = {
      {"", {1}, {1}},
      {"", {}, {}},
      {"", {7}, {}},
      {"", {}, {3, 5}},
      {"", {60, 120}, {120}},
      {"", {60, 120}, {60, 1}},
      {"", {2, 3, 5, 7}, {7}},
      {"", {2, 16, 5, 7}, {16, 1, 1}},
      {"", {2, 3, 5, 7}, {2, 3, 1, 1}},
      {"", {4, 1, 3}, {5, 1}},
      {"", {5, 1, 7}, {1, 6, 1}},
      {"", {2, 3, 1, 5, 7}, {3, 4, 1, 7}},
      {"", {9, 1}, {1, 1001}},
      {"", {3, 70001}, {70001}},
  };
  for (BroadcastCase& c : cases) c.name = times(c.a) + "_and_" + times(c.b);
  return cases;
}

/// x and the shape that it is summed to.
[[nodiscard]] inline std::vector<BroadcastCase> sum_cases() {
  std::vector<BroadcastCase> cases = {
      {"", {}, {}},
      {"", {1}, {}},
      {"", {5}, {5}},
      {"", {1001}, {}},
      {"", {60, 120}, {120}},
      {"", {60, 120}, {60, 1}},
      {"", {60, 120}, {1, 120}},
      {"", {60, 120}, {}},
      {"", {2, 3, 5, 7}, {3, 1, 1}},
      {"", {2, 3, 5, 7}, {1, 3, 1, 7}},
      {"", {2, 3, 5, 7}, {2, 1, 5, 1}},
      {"", {2, 3, 4, 5, 6}, {3, 1, 5, 1}},
      {"", {3, 70001}, {3, 1}},
      {"", {4099, 13}, {13}},
      {"", {200003}, {}},
      {"", {2, 3, 4, 8}, {3, 1, 1}},
      {"", {5, 2, 1500, 8}, {2, 1, 1}},
      {"", {2, 900, 8}, {2, 1, 8}},
      {"", {700, 3, 300}, {3, 300}},
      {"", {4099, 16}, {16}},
      {"", {3, 1501}, {3, 1}},
      {"", {3, 1504}, {3, 1}},
      {"", {2, 3, 1501}, {3, 1}},
      {"", {2, 3, 1504}, {3, 1}},
      {"", {5, 2, 4001, 3}, {2, 1, 1}},
      {"", {5, 1000}, {5, 1}},  // as many vectors as a warp takes
      {"", {2, 3, 496}, {3, 1}},
      {"", {3, 8200}, {3, 1}},  // as many as one block takes
      {"", {3, 2, 2736}, {2, 1}},
      {"", {2, 33000}, {2, 1}},
  };
  for (BroadcastCase& c : cases) c.name = times(c.a) + "_to_" + times(c.b);
  return cases;
}

}  // namespace xr::tests
