#include "apps/audit/similarity.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace xr::audit {

namespace {

constexpr int reduced_side = 32;  // of what the cosine transform sees
constexpr int blur_radius = 2;
constexpr int max_steps = 15;
constexpr int coarse_steps = 8, coarse_stride = 3;  // every third pixel of every third row
constexpr double hopeless_correlation = 0.92;       // of copies it is above 0.95 after the coarse steps
constexpr int unknowns = 6;

/// cosines[k][x] of the transform DCT-II, orthonormal.
struct CosineTable {
  float value[descriptor_side][reduced_side];
  CosineTable() {
    for (int k = 0; k < descriptor_side; ++k)
      for (int x = 0; x < reduced_side; ++x)
        value[k][x] = static_cast<float>(std::sqrt((k == 0 ? 1.0 : 2.0) / reduced_side) *
                                         std::cos(std::numbers::pi * k * (x + 0.5) / reduced_side));
  }
};

/// The bilinearly interpolated image; the centre of the first pixel is at (0, 0).
float interpolate(const Thumbnail& image, float x, float y) {
  const float inside_x = std::clamp(x, 0.0f, static_cast<float>(thumbnail_side) - 1.001f);
  const float inside_y = std::clamp(y, 0.0f, static_cast<float>(thumbnail_side) - 1.001f);
  const int left = static_cast<int>(inside_x), top = static_cast<int>(inside_y);
  const float u = inside_x - static_cast<float>(left), v = inside_y - static_cast<float>(top);
  const std::uint8_t* corner = &image[static_cast<std::size_t>(top) * thumbnail_side + left];
  const float a = corner[0], b = corner[1], c = corner[thumbnail_side], d = corner[thumbnail_side + 1];
  const float upper = a + u * (b - a), lower = c + u * (d - c);
  return upper + v * (lower - upper);
}

/// Where the pixel (x, y) of the first image lies in the second.
struct Placement {
  double scale_x = 1, shift_x = 0, scale_y = 1, shift_y = 0;

  [[nodiscard]] float x(int at) const { return static_cast<float>(scale_x * at + shift_x); }
  [[nodiscard]] float y(int at) const { return static_cast<float>(scale_y * at + shift_y); }
  [[nodiscard]] bool sensible() const {
    const auto fits = [](double scale, double shift) {
      return scale > 0.8 && scale < 1.25 && std::abs(shift + (scale - 1) * thumbnail_side / 2) < 8.0;
    };
    return fits(scale_x, shift_x) && fits(scale_y, shift_y);
  }
};

bool lies_inside(float x, float y) {
  constexpr float most = thumbnail_side - 0.5f;
  return x > -0.5f && y > -0.5f && x < most && y < most;
}

using Equations = std::array<std::array<double, unknowns + 1>, unknowns>;

/// Gaussian elimination with pivots; false if there is no single solution.
bool solve(Equations& m, std::array<double, unknowns>& solution) {
  for (int column = 0; column < unknowns; ++column) {
    int pivot = column;
    for (int row = column + 1; row < unknowns; ++row)
      if (std::abs(m[row][column]) > std::abs(m[pivot][column])) pivot = row;
    std::swap(m[column], m[pivot]);
    if (!(std::abs(m[column][column]) > 1e-9)) return false;
    for (int row = 0; row < unknowns; ++row) {
      if (row == column) continue;
      const double factor = m[row][column] / m[column][column];
      for (int k = column; k <= unknowns; ++k) m[row][k] -= factor * m[column][k];
    }
  }
  for (int row = 0; row < unknowns; ++row) solution[row] = m[row][unknowns] / m[row][row];
  return true;
}

/// Floats that a vector register holds, and more: sums of so many independent parts can use it.
constexpr std::size_t lanes = 8;
/// Values of one row of pixels; behind the last one zeros up to a multiple of `lanes`.
using Row = std::array<float, thumbnail_side>;
static_assert(thumbnail_side % lanes == 0);

double dot(const Row& a, const Row& b, std::size_t padded) {
  std::array<float, lanes> sums{};
  for (std::size_t i = 0; i < padded; i += lanes)
    for (std::size_t k = 0; k < lanes; ++k) sums[k] += a[i + k] * b[i + k];
  float sum = 0;
  for (const float part : sums) sum += part;
  return static_cast<double>(sum);
}

/// The columns of the first image, every `stride`-th, that lie in the second: the same for all rows.
struct Columns {
  std::size_t count = 0, padded = 0;
  Row position{}, one{};                         // x / thumbnail_side; 1
  std::array<int, thumbnail_side> x{}, left{};   // in the first image; the pixel to the left in the second
  std::array<float, thumbnail_side> fraction{};  // of the way to the next pixel

  Columns(const Placement& place, int stride) {
    for (int at = 0; at < thumbnail_side; at += stride) {
      const float there = place.x(at);
      if (!lies_inside(there, 0)) continue;
      const float inside = std::clamp(there, 0.0f, static_cast<float>(thumbnail_side) - 1.001f);
      x[count] = at;
      left[count] = static_cast<int>(inside);
      fraction[count] = inside - static_cast<float>(left[count]);
      position[count] = static_cast<float>(at) / thumbnail_side;
      one[count] = 1;
      ++count;
    }
    padded = (count + lanes - 1) / lanes * lanes;
  }
};

/// A row of the first image and what the second shows there, with its slopes.
struct RowPair {
  Row target{}, value{}, slope_x{}, slope_y{};

  void read(const Thumbnail& a, const Thumbnail& b, const Columns& columns, int y, float there) {
    const float inside = std::clamp(there, 0.0f, static_cast<float>(thumbnail_side) - 1.001f);
    const int top = static_cast<int>(inside);
    const float v = inside - static_cast<float>(top);
    const std::uint8_t* const upper = &b[static_cast<std::size_t>(top) * thumbnail_side];
    const std::uint8_t* const lower = upper + thumbnail_side;
    Row blended, difference;  // of the two rows of the second image
    for (std::size_t k = 0; k < thumbnail_side; ++k) {
      const auto first = static_cast<float>(upper[k]), second = static_cast<float>(lower[k]);
      difference[k] = second - first;
      blended[k] = first + v * difference[k];
    }
    const std::uint8_t* const row = &a[static_cast<std::size_t>(y) * thumbnail_side];
    for (std::size_t k = 0; k < columns.count; ++k) {
      const auto left = static_cast<std::size_t>(columns.left[k]);
      const float u = columns.fraction[k];
      slope_x[k] = blended[left + 1] - blended[left];
      value[k] = blended[left] + u * slope_x[k];
      slope_y[k] = difference[left] + u * (difference[left + 1] - difference[left]);
      target[k] = row[columns.x[k]];
    }
  }
};

/// One step of Gauss-Newton for a(x, y) = gain b(place(x, y)) + offset, on every `stride`-th pixel of every
/// `stride`-th row; false if it cannot be taken.
bool improve(const Thumbnail& a, const Thumbnail& b, int stride, Placement& place, double& gain,
             double& largest_move) {
  // In the order: scale and shift of x, scale and shift of y, gain, offset. The last two are solved for anew
  // in each step, so the difference is to a itself: a pixel's equation is
  //   (gain slope_x x, gain slope_x, gain slope_y y, gain slope_y, value, 1 | a), x and y in image sides.
  Equations m{};
  const Columns columns(place, stride);
  RowPair row;
  for (int y = 0; y < thumbnail_side; y += stride) {
    const float there = place.y(y);
    if (!lies_inside(0, there)) continue;
    row.read(a, b, columns, y, there);
    Row moved;  // slope_x x
    for (std::size_t k = 0; k < thumbnail_side; ++k) moved[k] = row.slope_x[k] * columns.position[k];
    const double at = static_cast<double>(y) / thumbnail_side;
    const std::array<const Row*, 5> known = {&moved, &row.slope_x, &row.slope_y, &row.value, &columns.one};
    // Where each stands among the unknowns, with its factor; slope_y stands twice.
    const std::array<double, unknowns> factor = {gain, gain, gain * at, gain, 1, 1};
    constexpr std::array<std::size_t, unknowns> source = {0, 1, 2, 2, 3, 4};
    std::array<std::array<double, 6>, 5> sums;
    for (std::size_t i = 0; i < known.size(); ++i) {
      for (std::size_t j = i; j < known.size(); ++j) sums[i][j] = dot(*known[i], *known[j], columns.padded);
      sums[i][5] = dot(*known[i], row.target, columns.padded);
    }
    for (std::size_t i = 0; i < unknowns; ++i) {
      for (std::size_t j = i; j < unknowns; ++j)
        m[i][j] += factor[i] * factor[j] * sums[source[i]][source[j]];
      m[i][unknowns] += factor[i] * sums[source[i]][5];
    }
  }
  for (int i = 0; i < unknowns; ++i) {
    m[i][i] *= 1.0001;  // damped a little: an image of stripes leaves a shift open
    for (int j = 0; j < i; ++j) m[i][j] = m[j][i];
  }
  std::array<double, unknowns> step{};
  if (!solve(m, step)) return false;
  const auto limited = [](double value) { return std::clamp(value, -2.0, 2.0); };
  place.scale_x += limited(step[0]) / thumbnail_side;
  place.shift_x += limited(step[1]);
  place.scale_y += limited(step[2]) / thumbnail_side;
  place.shift_y += limited(step[3]);
  gain = std::clamp(step[4], 0.2, 5.0);
  largest_move = 0;
  for (int i = 0; i < 4; ++i) largest_move = std::max(largest_move, std::abs(step[i]));
  return place.sensible();
}

/// The second image as the first one's pixels see it, and which of them do.
struct Aligned {
  std::vector<float> a, b;
  std::vector<bool> seen;
  std::size_t count = 0;
};

Aligned place_on(const Thumbnail& a, const Thumbnail& b, const Placement& place) {
  Aligned result{std::vector<float>(a.begin(), a.end()), std::vector<float>(thumbnail_pixels),
                 std::vector<bool>(thumbnail_pixels), 0};
  for (int y = 0; y < thumbnail_side; ++y)
    for (int x = 0; x < thumbnail_side; ++x) {
      const std::size_t at = static_cast<std::size_t>(y) * thumbnail_side + x;
      const float at_x = place.x(x), at_y = place.y(y);
      result.b[at] = interpolate(b, at_x, at_y);
      result.seen[at] = lies_inside(at_x, at_y);
      if (result.seen[at]) ++result.count;
    }
  return result;
}

/// The whole of the first image is this crop of the second. Centres of pixels lie at half numbers.
Placement placement_of(const Crop& crop) {
  Placement place;
  place.scale_x = 1 - crop.left - crop.right;
  place.scale_y = 1 - crop.top - crop.bottom;
  place.shift_x = crop.left * thumbnail_side + (place.scale_x - 1) * 0.5;
  place.shift_y = crop.top * thumbnail_side + (place.scale_y - 1) * 0.5;
  return place;
}

double largest_cut(const Placement& place) {
  const auto of_axis = [](double scale, double shift) {
    const double begin = (shift - (scale - 1) * 0.5) / thumbnail_side;
    return std::max(std::abs(begin), std::abs(1 - scale - begin));
  };
  return std::max(of_axis(place.scale_x, place.shift_x), of_axis(place.scale_y, place.shift_y));
}

double pearson(const std::vector<float>& a, const std::vector<float>& b, const std::vector<bool>& seen,
               std::size_t count) {
  double sum_a = 0, sum_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (seen[i]) {
      sum_a += a[i];
      sum_b += b[i];
    }
  const double mean_a = sum_a / static_cast<double>(count), mean_b = sum_b / static_cast<double>(count);
  double product = 0, square_a = 0, square_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (seen[i]) {
      product += (a[i] - mean_a) * (b[i] - mean_b);
      square_a += (a[i] - mean_a) * (a[i] - mean_a);
      square_b += (b[i] - mean_b) * (b[i] - mean_b);
    }
  const double square = square_a * square_b;
  return square > 0 ? product / std::sqrt(square) : 0;
}

/// Pearson's correlation of some of the pixels that both show.
double coarse_correlation(const Thumbnail& a, const Thumbnail& b, const Placement& place) {
  std::vector<float> of_a, of_b;
  for (int y = 0; y < thumbnail_side; y += coarse_stride)
    for (int x = 0; x < thumbnail_side; x += coarse_stride) {
      if (!lies_inside(place.x(x), place.y(y))) continue;
      of_a.push_back(a[static_cast<std::size_t>(y) * thumbnail_side + x]);
      of_b.push_back(interpolate(b, place.x(x), place.y(y)));
    }
  return of_a.empty() ? 0 : pearson(of_a, of_b, std::vector<bool>(of_a.size(), true), of_a.size());
}

/// What is left of an image when the mean of each pixel's neighbours is taken away.
std::vector<float> details(const std::vector<float>& image) {
  const auto blur = [](const std::vector<float>& from, int step_x, int step_y) {
    std::vector<float> to(from.size());
    for (int y = 0; y < thumbnail_side; ++y)
      for (int x = 0; x < thumbnail_side; ++x) {
        float sum = 0;
        for (int k = -blur_radius; k <= blur_radius; ++k) {
          const int at_x = std::clamp(x + k * step_x, 0, thumbnail_side - 1);
          const int at_y = std::clamp(y + k * step_y, 0, thumbnail_side - 1);
          sum += from[static_cast<std::size_t>(at_y) * thumbnail_side + at_x];
        }
        to[static_cast<std::size_t>(y) * thumbnail_side + x] = sum / (2 * blur_radius + 1);
      }
    return to;
  };
  const std::vector<float> blurred = blur(blur(image, 1, 0), 0, 1);
  std::vector<float> result(image.size());
  for (std::size_t i = 0; i < image.size(); ++i) result[i] = image[i] - blurred[i];
  return result;
}

}  // namespace

Descriptor describe(const Thumbnail& thumbnail, const Crop& crop) {
  static const CosineTable cosines;
  const float width = 1 - crop.left - crop.right, height = 1 - crop.top - crop.bottom;
  float rows[descriptor_side][reduced_side] = {};  // transformed along y
  for (int y = 0; y < reduced_side; ++y)
    for (int x = 0; x < reduced_side; ++x) {
      float value = 0;  // the mean of 2 x 2 points
      for (int point = 0; point < 4; ++point) {
        const int column = 2 * x + point % 2, row = 2 * y + point / 2;
        const float u = (static_cast<float>(column) + 0.5f) / (2 * reduced_side);
        const float v = (static_cast<float>(row) + 0.5f) / (2 * reduced_side);
        value += 0.25f * interpolate(thumbnail, (crop.left + u * width) * thumbnail_side - 0.5f,
                                     (crop.top + v * height) * thumbnail_side - 0.5f);
      }
      for (int k = 0; k < descriptor_side; ++k) rows[k][x] += cosines.value[k][y] * value;
    }
  Descriptor result{};
  double square = 0;
  for (int k = 0; k < descriptor_side; ++k)
    for (int l = 0; l < descriptor_side; ++l) {
      float sum = 0;
      for (int x = 0; x < reduced_side; ++x) sum += cosines.value[l][x] * rows[k][x];
      const double weight = std::sqrt(std::hypot(k, l));  // 0 for the mean
      const double value = weight * sum;
      result[static_cast<std::size_t>(k) * descriptor_side + l] = static_cast<float>(value);
      square += value * value;
    }
  if (square < 1) return {};
  for (float& value : result) value /= static_cast<float>(std::sqrt(square));
  return result;
}

Thumbnail cropped(const Thumbnail& thumbnail, const Crop& crop) {
  const float width = 1 - crop.left - crop.right, height = 1 - crop.top - crop.bottom;
  Thumbnail result;
  for (std::size_t y = 0; y < thumbnail_side; ++y)
    for (std::size_t x = 0; x < thumbnail_side; ++x) {
      const float column = crop.left * thumbnail_side + (static_cast<float>(x) + 0.5f) * width - 0.5f;
      const float row = crop.top * thumbnail_side + (static_cast<float>(y) + 0.5f) * height - 0.5f;
      result[y * thumbnail_side + x] =
          static_cast<std::uint8_t>(std::lround(interpolate(thumbnail, column, row)));
    }
  return result;
}

double contrast(const Thumbnail& thumbnail) {
  double sum = 0, squares = 0;
  for (const std::uint8_t pixel : thumbnail) {
    sum += pixel;
    squares += static_cast<double>(pixel) * pixel;
  }
  const double mean = sum / thumbnail_pixels;
  return std::sqrt(std::max(0.0, squares / thumbnail_pixels - mean * mean));
}

Likeness align_and_compare(const Thumbnail& a, const Thumbnail& b, const Crop& crop_of_b) {
  Placement place = placement_of(crop_of_b);
  double gain = 1, move = 1;
  for (int step = 0; step < coarse_steps && move > 0.1; ++step)
    if (!improve(a, b, coarse_stride, place, gain, move)) return {};
  if (coarse_correlation(a, b, place) < hopeless_correlation) return {};
  move = 1;
  for (int step = 0; step < max_steps && move > 0.01; ++step)
    if (!improve(a, b, 1, place, gain, move)) return {};
  const Aligned aligned = place_on(a, b, place);
  if (aligned.count < thumbnail_pixels / 2) return {};
  Likeness result;
  result.cut = largest_cut(place);
  result.correlation = pearson(aligned.a, aligned.b, aligned.seen, aligned.count);
  result.detail = pearson(details(aligned.a), details(aligned.b), aligned.seen, aligned.count);
  return result;
}

double plain_correlation(const Thumbnail& a, const Thumbnail& b) {
  double best = -1;
  for (const Crop& crop : crops) {
    if (std::max({crop.left, crop.top, crop.right, crop.bottom}) > 0.04f) continue;
    for (const bool swapped : {false, true}) {
      const Aligned aligned = place_on(swapped ? b : a, swapped ? a : b, placement_of(crop));
      best = std::max(best, pearson(aligned.a, aligned.b, aligned.seen, aligned.count));
    }
  }
  return best;
}

}  // namespace xr::audit
