#include "data/phantom/phantom_ribs.h"

#include "data/phantom/row_math.h"
#include "kernels/common/parallel.h"

#include <algorithm>
#include <cmath>

namespace xr::data::phantom {

namespace {

XR_MULTIVERSION void prepare_rib(const PixelRow& r, RibRow& ribs, const RibPiece& piece) {
  const float lateral = piece.lateral;
  const int begin = piece.range.begin, at = piece.at, length = piece.range.end - begin;
  for (int k = 0; k < length; ++k) {
    const float u = (std::abs(r.x[begin + k]) - 0.05f) / (lateral - 0.05f);
    ribs.u[at + k] = u;
    ribs.argument[at + k] = piece.in_front ? 0.0f : pi * lesser(u * 1.2f, 1.0f);
  }
}

XR_MULTIVERSION void prepare_rib_tube(const PixelRow& r, RibRow& ribs, const RibPiece& piece, float width) {
  const float start = piece.start, drop = piece.drop;
  const int begin = piece.range.begin, at = piece.at, length = piece.range.end - begin;
  if (piece.in_front) {  // the same rib comes back in front, lower and fainter
    for (int k = 0; k < length; ++k) {
      const float u = ribs.u[at + k];
      const float middle = start + drop + 0.42f * (1.0f - u) * (1.2f - 0.4f * u);
      ribs.distance[at + k] = std::abs(r.y[begin + k] - middle) / (width * 1.2f);
    }
  } else {
    for (int k = 0; k < length; ++k) {
      const float u = ribs.u[at + k];
      const float middle = start - 0.05f * ribs.value[at + k] + drop * u * u;
      ribs.distance[at + k] = std::abs(r.y[begin + k] - middle) / (width * (1.0f - 0.3f * u));
    }
  }
  for (int k = at; k < at + length; ++k) ribs.argument[k] = tube_argument(ribs.distance[k]);
}

XR_MULTIVERSION void add_rib(PixelRow& r, const RibRow& ribs, const RibPiece& piece, float strength) {
  const int begin = piece.range.begin, at = piece.at, length = piece.range.end - begin;
  if (piece.in_front) {
    for (int k = 0; k < length; ++k) {
      const float u = ribs.u[at + k], edge = 1.0f - smooth_step(0.94f, 1.03f, u);
      r.ribs[begin + k] += 0.45f * strength * edge * smooth_step(0.3f, 0.6f, u) *
                           tube(ribs.distance[at + k], ribs.value[at + k]);
    }
  } else {
    for (int k = 0; k < length; ++k) {
      const float edge = 1.0f - smooth_step(0.94f, 1.03f, ribs.u[at + k]);
      r.ribs[begin + k] += strength * edge * tube(ribs.distance[at + k], ribs.value[at + k]);
    }
  }
}

/// The pieces of a rib that a row crosses: what a tube adds is exactly 0 beyond 1.6 half widths from its middle.
/// The margin is for rounding.
void find_pieces(const PixelRow& r, RibRow& ribs, const Anatomy& a, int level_number) {
  constexpr float reach = 1.6f, margin = 2e-3f, end = 1.04f;
  const auto level = static_cast<float>(level_number);
  const float start = -0.72f + a.rib_phase + a.rib_spacing * level;
  const float lateral = std::min(0.40f + 0.08f * level, a.lungs[0].lateral + 0.04f);
  const float drop = a.rib_slope * (0.5f + 0.09f * level);
  for (const bool in_front : {false, true}) {
    if (in_front && level_number >= 7) break;
    float from = 0, to = 0;  // along the rib
    if (!in_front) {         // its middle lies up to 0.05 above start + drop u^2
      const float far = reach * a.rib_width + margin;
      const float highest = (r.high_y - start + 0.05f + far) / drop;
      if (highest < 0.0f) return;  // nor does it come back above itself
      from = std::sqrt(std::max(0.0f, (r.low_y - start - far) / drop));
      to = std::sqrt(highest);
    } else {  // start + drop + 0.42 (1 - u) (1.2 - 0.4 u)
      const float far = reach * 1.2f * a.rib_width + margin;
      const auto solve = [](float q) { return 2.0f - std::sqrt(std::max(0.0f, 0.64f + 1.6f * q)) / 0.8f; };
      from = std::max(0.3f, solve((r.high_y - start - drop + far) / 0.42f) - margin);
      to = solve((r.low_y - start - drop - far) / 0.42f) + margin;
    }
    to = std::min(to, end);
    if (from > to) continue;
    const float x_from = 0.05f + from * (lateral - 0.05f), x_to = 0.05f + to * (lateral - 0.05f);
    for (const Range range : {r.where(-x_to, -x_from), r.where(x_from, x_to)}) {
      if (range.begin >= range.end) continue;
      ribs.pieces[ribs.count++] = {range, ribs.length, in_front, start, drop, lateral};
      ribs.length += range.end - range.begin;
    }
  }
}

}  // namespace

void add_ribs(PixelRow& row, RibRow& ribs, const Anatomy& anatomy) {
  std::fill(row.ribs, row.ribs + row.size, 0.0f);
  ribs.count = ribs.length = 0;
  for (int i = 0; i < rib_pairs; ++i) find_pieces(row, ribs, anatomy, i);
  for (int i = 0; i < ribs.count; ++i) prepare_rib(row, ribs, ribs.pieces[i]);
  sin_row(ribs.argument, ribs.value, ribs.length);
  for (int i = 0; i < ribs.count; ++i) prepare_rib_tube(row, ribs, ribs.pieces[i], anatomy.rib_width);
  exp_row(ribs.argument, ribs.value, ribs.length);
  for (int i = 0; i < ribs.count; ++i) add_rib(row, ribs, ribs.pieces[i], anatomy.rib_strength);
}

}  // namespace xr::data::phantom
