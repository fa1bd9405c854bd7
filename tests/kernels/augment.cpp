#include "tests/reference/augment.h"

#include <catch2/catch.hpp>
#include <cstring>

#include "tests/kernels/cases.h"
#include "tests/kernels/harness.h"

using namespace xr;
using namespace xr::tests;
using kernels::AugmentParams;
using kernels::AugmentRecord;

namespace {

struct AugmentCase {
  const char* name;
  std::int64_t channels, size, side;
  std::vector<AugmentRecord> records;
  AugmentParams params = {};
};

constexpr AugmentParams normalised{{0.4f, 0.5f, 0.6f}, {0.25f, 0.5f, 2.0f}};

AugmentRecord whole(std::int64_t size) {
  AugmentRecord record;
  record.width = record.height = static_cast<std::int32_t>(size);
  return record;
}

AugmentRecord box(int x, int y, int width, int height, bool flip = false) {
  AugmentRecord record;
  record.x = x;
  record.y = y;
  record.width = width;
  record.height = height;
  record.flip = flip ? 1 : 0;
  return record;
}

/// Angle in radians, shifts as fractions of the box.
AugmentRecord warped(AugmentRecord record, double angle, float shift_x, float shift_y, float zoom) {
  record.cosine = static_cast<float>(std::cos(angle));
  record.sine = static_cast<float>(std::sin(angle));
  record.shift_x = shift_x;
  record.shift_y = shift_y;
  record.zoom = zoom;
  return record;
}

AugmentRecord exposed(AugmentRecord record, float brightness, float contrast) {
  record.brightness = brightness;
  record.contrast = contrast;
  return record;
}

AugmentRecord flipped(AugmentRecord record) {
  record.flip = 1;
  return record;
}

const std::vector<AugmentCase>& augment_cases() {
  static const std::vector<AugmentCase> cases = {
      {"one pixel", 1, 1, 1, {whole(1), exposed(whole(1), 0.1f, 1.3f)}, normalised},
      {"one pixel to many", 3, 1, 7, {whole(1), warped(whole(1), 0.3, 0.1f, 0, 1.1f)}, normalised},
      {"many pixels to one", 1, 9, 1, {whole(9), box(8, 0, 1, 9), warped(whole(9), 0.3, 0, 0.2f, 0.9f)}},
      {"kept grey", 1, 16, 16, {whole(16), exposed(whole(16), -0.2f, 1.7f), whole(16)}, normalised},
      {"kept RGB", 3, 24, 24, {exposed(whole(24), 0.1f, 0.5f), whole(24)}, normalised},
      {"kept odd RGB", 3, 37, 37, {whole(37), exposed(whole(37), 0.3f, 0.9f)}, normalised},
      {"kept of many tiles", 1, 100, 100, {whole(100), flipped(whole(100))}},
      {"extreme exposure",
       3,
       16,
       16,
       {exposed(whole(16), 0, 100), exposed(whole(16), 5, 1), exposed(whole(16), 0, 0),
        exposed(flipped(whole(16)), 0.2f, -3)},
       normalised},
      {"crops at the borders",
       1,
       33,
       21,
       {box(0, 0, 20, 25), box(13, 8, 20, 25), box(32, 0, 1, 33), box(0, 32, 33, 1, true), box(5, 7, 27, 2)}},
      {"crops of RGB", 3, 45, 40, {box(3, 5, 41, 31), box(4, 0, 41, 45, true), whole(45)}, normalised},
      {"upscale", 1, 11, 70, {whole(11), box(2, 3, 5, 4, true), warped(whole(11), -0.4, 0.1f, 0, 1.3f)}},
      {"upscale of RGB", 3, 5, 33, {whole(5), flipped(warped(whole(5), 1, 0, 0.3f, 0.8f))}, normalised},
      {"warps",
       1,
       40,
       40,
       {warped(whole(40), 0.15, 0.06f, -0.05f, 1.1f), warped(whole(40), 0, 0.5f, 0, 1),
        warped(whole(40), 3.0, 0, 0, 0.5f), warped(whole(40), 0, 0, 0, 1.9f), whole(40)}},
      {"warps out of the image",
       1,
       20,
       35,
       {warped(whole(20), 0.7, 3, -2, 1), warped(whole(20), 0, 0, 0, 0.05f), warped(whole(20), 1, 0, 0, 30)}},
      {"warped RGB with flips and boxes",
       3,
       50,
       39,
       {flipped(warped(whole(50), -0.2, 0.1f, 0.02f, 1.2f)), warped(box(11, 1, 39, 44, true), 0.1, 0, 0, 1),
        exposed(warped(box(0, 49, 50, 1), 0, 0.1f, 0.1f, 1), -0.1f, 1.2f)},
       normalised},
      {"reduced", 1, 130, 40, {whole(130), box(1, 2, 121, 127, true), box(90, 60, 40, 70)}},
      {"reduced before warps",
       1,
       97,
       31,
       {warped(whole(97), 0.2, 0.05f, 0, 1.1f), flipped(warped(box(3, 4, 90, 47), -0.1, 0, 0.1f, 0.9f)),
        whole(97), warped(box(50, 50, 46, 46), 0.2, 0, 0, 1), warped(box(50, 50, 47, 47), 0.2, 0, 0, 1)}},
      {"reduced before warps in RGB",
       3,
       64,
       20,
       {warped(whole(64), -0.3, 0, 0.1f, 1.2f), box(1, 1, 60, 60, true),
        exposed(warped(box(0, 0, 64, 31), 0.1, 0, 0, 1), 0.1f, 1.5f)},
       normalised},
      {"reduced by far", 1, 500, 3, {whole(500), warped(whole(500), 0.1, 0, 0, 1), box(0, 0, 500, 3)}},
      {"too many taps to keep", 1, 700, 5, {box(0, 600, 700, 100, true), box(1, 0, 10, 10)}},
  };
  return cases;
}

Tensor random_bytes(const Shape& shape) {
  Tensor result(shape);
  Philox random(11, 12);
  for (double& value : result.values) value = random.next_u32() % 256;
  return result;
}

Tensor bytes_of(const std::vector<AugmentRecord>& records) {
  std::vector<unsigned char> bytes(records.size() * sizeof(AugmentRecord));
  std::memcpy(bytes.data(), records.data(), bytes.size());
  return {{static_cast<std::int64_t>(records.size()), sizeof(AugmentRecord)},
          std::vector<double>(bytes.begin(), bytes.end())};
}

/// All images in turn, and the last one twice.
std::vector<std::int64_t> indices_of(const AugmentCase& c, std::int64_t images) {
  std::vector<std::int64_t> indices;
  for (std::size_t n = 0; n < c.records.size(); ++n)
    indices.push_back((images - 1 + static_cast<std::int64_t>(n)) % images);
  return indices;
}

/// A position of up to `size` pixels is rounded to float, and a pixel further the value may be 255 times
/// contrast / 255 / deviation away.
double magnitude_of(const AugmentCase& c) {
  double contrast = 1, deviation = 1;
  for (const AugmentRecord& record : c.records)
    contrast = std::max(contrast, std::abs(static_cast<double>(record.contrast)));
  for (std::int64_t i = 0; i < c.channels; ++i)
    deviation = std::min(deviation, static_cast<double>(c.params.deviation[i]));
  return contrast / deviation * static_cast<double>(c.size + 4);
}

struct Operands {
  Tensor images, indices, records;
};

Operands operands_of(const AugmentCase& c) {
  constexpr std::int64_t images = 3;
  const std::vector<std::int64_t> indices = indices_of(c, images);
  return {random_bytes({images, c.channels, c.size, c.size}),
          {{static_cast<std::int64_t>(indices.size())}, std::vector<double>(indices.begin(), indices.end())},
          bytes_of(c.records)};
}

Tensor check_augment(Backend& backend, const AugmentCase& c, const Operands& in, const Expected& expected,
                     Layout layout) {
  const Operation operation{
      backend,
      fmt::format("augment, {}, to {}", c.name, describe(expected.values.shape, layout, expected.dtype)),
      {{"images", in.images, Layout::contiguous, DType::u8},
       {"indices", in.indices, Layout::contiguous, DType::i64},
       {"records", in.records, Layout::contiguous, DType::u8}},
      {{"y", expected, layout}}};
  return check_operation(operation, [&](Inputs views, Outputs out) {
    backend.run(kernels::Augment{
        .images = views[0], .indices = views[1], .records = views[2], .y = out[0], .params = c.params});
  })[0];
}

}  // namespace

TEST_CASE("augment") {
  for (const AugmentCase& c : augment_cases()) {
    const Operands in = operands_of(c);
    const Tensor y = reference::augment(c.params, in.images, indices_of(c, 3), c.records, c.side);
    for (const DType dtype : test_types())
      for (Backend* backend : test_backends(dtype))
        for (const Layout layout : {Layout::contiguous, Layout::channels_last})
          check_augment(*backend, c, in, {y, dtype, Arithmetic::reduction, 1, magnitude_of(c)}, layout);
  }
}

TEST_CASE("augment gives the same bits on every backend") {
  Backend& cpu = kernels::backend(kernels::Device::parse("cpu"));
  for (const AugmentCase& c : augment_cases()) {
    const Operands in = operands_of(c);
    const Tensor y = reference::augment(c.params, in.images, indices_of(c, 3), c.records, c.side);
    const Tensor expected = check_augment(
        cpu, c, in, {y, DType::f32, Arithmetic::reduction, 1, magnitude_of(c)}, Layout::contiguous);
    for (const DType dtype : test_types())
      for (Backend* backend : test_backends(dtype))
        check_augment(*backend, c, in, {expected, dtype, Arithmetic::exact}, Layout::channels_last);
  }
}

// Where vectors may not be read a GPU ends the program, and so does UndefinedBehaviorSanitizer.
TEST_CASE("augment of images at an odd address to an aligned output") {
  const AugmentCase c{"kept", 1, 16, 16, {whole(16), exposed(whole(16), 0.1f, 1.2f)}};
  const Operands in = operands_of(c);
  const Tensor expected = reference::augment(c.params, in.images, indices_of(c, 3), c.records, c.side);
  for (const DType dtype : test_types())
    for (Backend* backend : test_backends(dtype)) {
      GuardedBuffer images(*backend, in.images.shape, DType::u8, Layout::contiguous, 1),
          indices(*backend, in.indices.shape, DType::i64, Layout::contiguous),
          records(*backend, in.records.shape, DType::u8, Layout::contiguous),
          y(*backend, expected.shape, dtype, Layout::contiguous);
      images.write(in.images);
      indices.write(in.indices);
      records.write(in.records);
      y.poison();
      backend->run(kernels::Augment{.images = images.view(),
                                    .indices = indices.view(),
                                    .records = records.view(),
                                    .y = y.view(),
                                    .params = c.params});
      CHECK(compare(y.read(), {expected, dtype, Arithmetic::reduction, 1, magnitude_of(c)}).empty());
      CHECK(y.guard_damage().empty());
    }
}

TEST_CASE("augment with one launch unless a shape needs a reduction") {
  const AugmentCase kept{"kept", 1, 12, 12, {whole(12)}}, reduced{"reduced", 1, 19, 12, {whole(19)}};
  for (Backend* backend : test_backends())
    for (const auto& [c, launches] : {std::pair(&kept, 1u), std::pair(&reduced, 2u)}) {
      const Operands in = operands_of(*c);
      GuardedBuffer images(*backend, in.images.shape, DType::u8, Layout::contiguous),
          indices(*backend, in.indices.shape, DType::i64, Layout::contiguous),
          records(*backend, in.records.shape, DType::u8, Layout::contiguous),
          y(*backend, {1, 1, 12, 12}, DType::f32, Layout::contiguous);
      images.write(in.images);
      indices.write(in.indices);
      records.write(in.records);
      std::vector<kernels::LaunchRecord> launched;
      backend->record_launches(&launched);
      backend->run(kernels::Augment{.images = images.view(),
                                    .indices = indices.view(),
                                    .records = records.view(),
                                    .y = y.view(),
                                    .params = c->params});
      backend->record_launches(nullptr);
      CHECK(launched.size() == (backend->name() == "cpu" ? 0u : launches));
    }
}

TEST_CASE("augment refuses what does not fit") {
  std::vector<std::byte> memory(1 << 12);
  const auto view = [&](const Shape& shape, DType dtype) {
    View result;
    result.data = memory.data();
    result.shape = shape;
    result.dtype = dtype;
    return result;
  };
  const View images = view({2, 1, 4, 4}, DType::u8), indices = view({3}, DType::i64),
             records = view({3, 48}, DType::u8), y = view({3, 1, 5, 5}, DType::f32);
  for (Backend* backend : test_backends()) {
    const AugmentParams params;
    CHECK_THROWS_AS(backend->run(kernels::Augment{.images = view({2, 1, 4, 3}, DType::u8),
                                                  .indices = indices,
                                                  .records = records,
                                                  .y = y,
                                                  .params = params}),
                    Error);
    CHECK_THROWS_AS(backend->run(kernels::Augment{.images = view({2, 3, 4, 4}, DType::u8),
                                                  .indices = indices,
                                                  .records = records,
                                                  .y = y,
                                                  .params = params}),
                    Error);
    CHECK_THROWS_AS(backend->run(kernels::Augment{.images = view({2, 1, 4, 4}, DType::f32),
                                                  .indices = indices,
                                                  .records = records,
                                                  .y = y,
                                                  .params = params}),
                    Error);
    CHECK_THROWS_AS(backend->run(kernels::Augment{.images = images,
                                                  .indices = view({3}, DType::i32),
                                                  .records = records,
                                                  .y = y,
                                                  .params = params}),
                    Error);
    CHECK_THROWS_AS(backend->run(kernels::Augment{.images = images,
                                                  .indices = view({2}, DType::i64),
                                                  .records = records,
                                                  .y = y,
                                                  .params = params}),
                    Error);
    CHECK_THROWS_AS(backend->run(kernels::Augment{.images = images,
                                                  .indices = indices,
                                                  .records = view({3, 44}, DType::u8),
                                                  .y = y,
                                                  .params = params}),
                    Error);
    CHECK_THROWS_AS(backend->run(kernels::Augment{.images = images,
                                                  .indices = indices,
                                                  .records = records,
                                                  .y = view({3, 1, 5, 4}, DType::f32),
                                                  .params = params}),
                    Error);
    CHECK_THROWS_AS(backend->run(kernels::Augment{.images = images,
                                                  .indices = indices,
                                                  .records = records,
                                                  .y = view({3, 1, 5, 5}, DType::i64),
                                                  .params = params}),
                    Error);
    CHECK_THROWS_AS(backend->run(kernels::Augment{.images = images,
                                                  .indices = indices,
                                                  .records = records,
                                                  .y = y,
                                                  .params = {{0, 0, 0}, {0, 1, 1}}}),
                    Error);
    CHECK_THROWS_AS(backend->run(kernels::Augment{.images = view({2, 4, 4, 4}, DType::u8),
                                                  .indices = indices,
                                                  .records = records,
                                                  .y = view({3, 4, 5, 5}, DType::f32),
                                                  .params = params}),
                    Error);
  }
}

TEST_CASE("augment records that reach out of an image are refused") {
  const std::vector<std::int64_t> index = {1};
  const auto refused = [&](AugmentRecord record) {
    CHECK_THROWS_AS(kernels::require_augment_records(index, std::vector{record}, 2, 10), Error);
  };
  CHECK_NOTHROW(kernels::require_augment_records(index, std::vector{whole(10)}, 2, 10));
  CHECK_THROWS_AS(kernels::require_augment_records(index, std::vector{whole(10)}, 1, 10), Error);
  CHECK_THROWS_AS(
      kernels::require_augment_records(std::vector<std::int64_t>{-1}, std::vector{whole(10)}, 1, 10), Error);
  CHECK_THROWS_AS(kernels::require_augment_records(index, {}, 2, 10), Error);
  refused(whole(11));
  refused(whole(0));
  refused(box(-1, 0, 5, 5));
  refused(box(0, 6, 5, 5));
  refused(box(2147483647, 0, 1, 1));
  refused(warped(whole(10), 0, 0, 0, 0));
  refused(warped(whole(10), 0, NAN, 0, 1));
  refused(exposed(whole(10), INFINITY, 1));
}
