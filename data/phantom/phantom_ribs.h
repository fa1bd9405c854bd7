// The ribs that a row of a phantom image crosses.
#pragma once

#include "data/phantom/pixel_row.h"

namespace xr::data::phantom {

/// A piece of a rib that a row crosses, at the back or in front; its pixels are packed from `at` on.
struct RibPiece {
  Range range;
  int at;
  bool in_front;
  float start, drop, lateral;
};

constexpr int rib_pairs = 9, rib_capacity = 2 * rib_pairs * (capacity + 2);
using RibValues = float[rib_capacity];

struct RibRow {
  RibPiece pieces[4 * rib_pairs];
  int count = 0, length = 0;
  RibValues u;  // along the rib, 0 to 1
  RibValues argument, value, distance;
};

/// Fills PixelRow::ribs.
void add_ribs(PixelRow& row, RibRow& ribs, const Anatomy& anatomy);

}  // namespace xr::data::phantom
