// Images of bytes to the network's input: crop, flip, warp, exposure, normalisation.
#include "kernels/ops/augment.h"

#include <fmt/core.h>

#include <cmath>
#include <cstring>

#include "kernels/common/random.h"
#include "kernels/registry.h"
#include "tests/ops/guarded_buffer.h"
#include "tests/ops/operation.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/augment.h"

namespace xr::tests {

namespace {

using kernels::AugmentParams;
using kernels::AugmentRecord;

struct AugmentCase {
  std::string name;
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
      {"one_pixel", 1, 1, 1, {whole(1), exposed(whole(1), 0.1f, 1.3f)}, normalised},
      {"one_pixel_to_many", 3, 1, 7, {whole(1), warped(whole(1), 0.3, 0.1f, 0, 1.1f)}, normalised},
      {"many_pixels_to_one", 1, 9, 1, {whole(9), box(8, 0, 1, 9), warped(whole(9), 0.3, 0, 0.2f, 0.9f)}},
      {"kept_grey", 1, 16, 16, {whole(16), exposed(whole(16), -0.2f, 1.7f), whole(16)}, normalised},
      {"kept_rgb", 3, 24, 24, {exposed(whole(24), 0.1f, 0.5f), whole(24)}, normalised},
      {"kept_odd_rgb", 3, 37, 37, {whole(37), exposed(whole(37), 0.3f, 0.9f)}, normalised},
      {"kept_of_many_tiles", 1, 100, 100, {whole(100), flipped(whole(100))}},
      {"extreme_exposure",
       3,
       16,
       16,
       {exposed(whole(16), 0, 100), exposed(whole(16), 5, 1), exposed(whole(16), 0, 0),
        exposed(flipped(whole(16)), 0.2f, -3)},
       normalised},
      {"crops_at_the_borders",
       1,
       33,
       21,
       {box(0, 0, 20, 25), box(13, 8, 20, 25), box(32, 0, 1, 33), box(0, 32, 33, 1, true), box(5, 7, 27, 2)}},
      {"crops_of_rgb", 3, 45, 40, {box(3, 5, 41, 31), box(4, 0, 41, 45, true), whole(45)}, normalised},
      {"upscale", 1, 11, 70, {whole(11), box(2, 3, 5, 4, true), warped(whole(11), -0.4, 0.1f, 0, 1.3f)}},
      {"upscale_of_rgb", 3, 5, 33, {whole(5), flipped(warped(whole(5), 1, 0, 0.3f, 0.8f))}, normalised},
      {"warps",
       1,
       40,
       40,
       {warped(whole(40), 0.15, 0.06f, -0.05f, 1.1f), warped(whole(40), 0, 0.5f, 0, 1),
        warped(whole(40), 3.0, 0, 0, 0.5f), warped(whole(40), 0, 0, 0, 1.9f), whole(40)}},
      {"warps_out_of_the_image",
       1,
       20,
       35,
       {warped(whole(20), 0.7, 3, -2, 1), warped(whole(20), 0, 0, 0, 0.05f), warped(whole(20), 1, 0, 0, 30)}},
      {"warped_rgb_with_flips_and_boxes",
       3,
       50,
       39,
       {flipped(warped(whole(50), -0.2, 0.1f, 0.02f, 1.2f)), warped(box(11, 1, 39, 44, true), 0.1, 0, 0, 1),
        exposed(warped(box(0, 49, 50, 1), 0, 0.1f, 0.1f, 1), -0.1f, 1.2f)},
       normalised},
      {"reduced", 1, 130, 40, {whole(130), box(1, 2, 121, 127, true), box(90, 60, 40, 70)}},
      {"reduced_before_warps",
       1,
       97,
       31,
       {warped(whole(97), 0.2, 0.05f, 0, 1.1f), flipped(warped(box(3, 4, 90, 47), -0.1, 0, 0.1f, 0.9f)),
        whole(97), warped(box(50, 50, 46, 46), 0.2, 0, 0, 1), warped(box(50, 50, 47, 47), 0.2, 0, 0, 1)}},
      {"reduced_before_warps_in_rgb",
       3,
       64,
       20,
       {warped(whole(64), -0.3, 0, 0.1f, 1.2f), box(1, 1, 60, 60, true),
        exposed(warped(box(0, 0, 64, 31), 0.1, 0, 0, 1), 0.1f, 1.5f)},
       normalised},
      {"reduced_by_far", 1, 500, 3, {whole(500), warped(whole(500), 0.1, 0, 0, 1), box(0, 0, 500, 3)}},
      {"too_many_taps_to_keep", 1, 700, 5, {box(0, 600, 700, 100, true), box(1, 0, 10, 10)}},
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

struct AugmentOperands {
  Tensor images, indices, records;
};

AugmentOperands operands_of(const AugmentCase& c) {
  constexpr std::int64_t images = 3;
  const std::vector<std::int64_t> indices = indices_of(c, images);
  return {random_bytes({images, c.channels, c.size, c.size}),
          {{static_cast<std::int64_t>(indices.size())}, std::vector<double>(indices.begin(), indices.end())},
          bytes_of(c.records)};
}

/// `images` x `channels` x `size` x `size` bytes to `records` x `channels` x `side` x `side` values.
struct AugmentShape {
  std::int64_t images, channels, size, records, side;
};

Call augment(const AugmentShape& s, const AugmentParams& params, DType dtype, Layout layout) {
  Operand records = input("records", {s.records, sizeof(AugmentRecord)}, DType::u8).drawn(Values::records);
  records.image_size = s.size;
  return call_of({input("images", {s.images, s.channels, s.size, s.size}, DType::u8).drawn(Values::bytes),
                  input("indices", {s.records}, DType::i64).drawn(Values::indices), std::move(records),
                  output("y", {s.records, s.channels, s.side, s.side}, dtype, layout)},
                 [params](Views v) {
                   return kernels::Augment{
                       .images = v[0], .indices = v[1], .records = v[2], .y = v[3], .params = params};
                 });
}

Call filled(const AugmentCase& c, const AugmentOperands& in, DType dtype, Layout layout) {
  const AugmentShape shape{in.images.shape[0], c.channels, c.size, in.indices.size(), c.side};
  return augment(shape, c.params, dtype, layout)
      .holds("images", in.images)
      .holds("indices", in.indices)
      .holds("records", in.records);
}

Expected expected_of(const AugmentCase& c, const AugmentOperands& in) {
  return {reference::augment(c.params, in.images, indices_of(c, 3), c.records, c.side), DType::f32,
          Arithmetic::reduction, 1, magnitude_of(c)};
}

void check_layouts(const Checker& check, const AugmentCase& c) {
  const AugmentOperands in = operands_of(c);
  const Expected expected = expected_of(c, in);
  for (const DType dtype : test_types())
    for (Backend* backend : test_backends(dtype))
      for (const Layout layout : {Layout::contiguous, Layout::channels_last})
        check(*backend, filled(c, in, dtype, layout).expects("y", expected));
}

void check_same_bits(const Checker& check, const AugmentCase& c) {
  Backend& cpu = kernels::backend(kernels::Device::parse("cpu"));
  const AugmentOperands in = operands_of(c);
  const Tensor bits =
      check(cpu, filled(c, in, DType::f32, Layout::contiguous).expects("y", expected_of(c, in)))[0];
  for (const DType dtype : test_types())
    for (Backend* backend : test_backends(dtype))
      check(*backend, filled(c, in, dtype, Layout::channels_last).expects("y", {bits}));
}

/// The operands of a call in buffers: the images `shift` bytes behind a multiple of 64.
struct AugmentBuffers {
  std::vector<std::unique_ptr<GuardedBuffer>> buffers;
  std::vector<View> views;

  AugmentBuffers(Backend& backend, const Call& call, std::size_t shift) {
    for (const Operand& operand : call.operands) {
      buffers.push_back(std::make_unique<GuardedBuffer>(backend, operand.shape, operand.dtype, operand.layout,
                                                        operand.name == "images" ? shift : 0));
      if (operand.contents)
        buffers.back()->write(*operand.contents);
      else
        buffers.back()->poison();
      views.push_back(buffers.back()->view());
    }
  }
};

/// Where vectors may not be read a GPU ends the program, and so does UndefinedBehaviorSanitizer.
void check_odd_address(const Checker& check, const AugmentCase& c) {
  const AugmentOperands in = operands_of(c);
  Expected expected = expected_of(c, in);
  for (const DType dtype : test_types())
    for (Backend* backend : test_backends(dtype)) {
      const Call call = filled(c, in, dtype, Layout::contiguous);
      const AugmentBuffers operands(*backend, call, 1);
      call.run(*backend, operands.views, GradientWrite::overwrite);
      expected.dtype = dtype;
      const std::string difference = compare(operands.buffers[3]->read(), expected);
      check.that(difference.empty(), fmt::format("{}: {}", backend->name(), difference));
      const std::string damage = operands.buffers[3]->guard_damage();
      check.that(damage.empty(), fmt::format("{}: {}", backend->name(), damage));
    }
}

/// One, unless a shape needs a reduction.
void check_launches(const Checker& check, const AugmentCase& c) {
  const std::size_t launches = c.size > c.side ? 2 : 1;
  for (Backend* backend : test_backends()) {
    const Call call = filled(c, operands_of(c), DType::f32, Layout::contiguous);
    const AugmentBuffers operands(*backend, call, 0);
    std::vector<kernels::LaunchRecord> launched;
    backend->record_launches(&launched);
    call.run(*backend, operands.views, GradientWrite::overwrite);
    backend->record_launches(nullptr);
    check.that(launched.size() == (backend->name() == "cpu" ? 0 : launches),
               fmt::format("{}: {} launches", backend->name(), launched.size()));
  }
}

struct RefusalCase {
  std::string name;
  std::function<void(kernels::Augment&)> spoil;
};

/// A call that fits, over memory that nothing reads, and one thing in it that does not.
void check_refusals(const Checker& check, const RefusalCase& c) {
  std::vector<std::byte> memory(1 << 12);
  const auto view = [&](const Shape& shape, DType dtype) {
    View result;
    result.data = memory.data();
    result.shape = shape;
    result.dtype = dtype;
    return result;
  };
  kernels::Augment call{.images = view({2, 1, 4, 4}, DType::u8),
                        .indices = view({3}, DType::i64),
                        .records = view({3, 48}, DType::u8),
                        .y = view({3, 1, 5, 5}, DType::f32)};
  c.spoil(call);
  for (Backend* backend : test_backends()) check.refuses(*backend, c.name, [&] { backend->run(call); });
}

std::vector<RefusalCase> refusals() {
  using C = kernels::Augment;
  return {{"images_not_square",
           [](C& c) {
             c.images.shape = {2, 1, 4, 3};
           }},
          {"images_of_other_channels",
           [](C& c) {
             c.images.shape = {2, 3, 4, 4};
           }},
          {"images_of_floats", [](C& c) { c.images.dtype = DType::f32; }},
          {"indices_of_32_bits", [](C& c) { c.indices.dtype = DType::i32; }},
          {"indices_too_few", [](C& c) { c.indices.shape = {2}; }},
          {"records_too_short",
           [](C& c) {
             c.records.shape = {3, 44};
           }},
          {"y_not_square",
           [](C& c) {
             c.y.shape = {3, 1, 5, 4};
           }},
          {"y_of_integers", [](C& c) { c.y.dtype = DType::i64; }},
          {"deviation_of_zero",
           [](C& c) {
             c.params = {{0, 0, 0}, {0, 1, 1}};
           }},
          {"four_channels", [](C& c) {
             c.images.shape = {2, 4, 4, 4};
             c.y.shape = {3, 4, 5, 5};
           }}};
}

struct RecordsCase {
  std::string name;
  std::vector<std::int64_t> index;
  std::vector<AugmentRecord> records;
  std::int64_t images = 2;
  bool is_right = false;
};

/// Of images of 10 x 10 pixels: what reaches out of them is refused before it is sent to a device.
void check_records(const Checker& check, const RecordsCase& c) {
  bool threw = false;
  try {
    kernels::require_augment_records(c.index, c.records, c.images, 10);
  } catch (const Error&) {
    threw = true;
  }
  check.that(threw != c.is_right, threw ? "a right record is refused" : "a wrong record is not refused");
}

std::vector<RecordsCase> records_cases() {
  return {{"whole_image", {1}, {whole(10)}, 2, true},
          {"index_of_no_image", {1}, {whole(10)}, 1},
          {"index_below_zero", {-1}, {whole(10)}, 1},
          {"no_record", {1}, {}},
          {"box_too_large", {1}, {whole(11)}},
          {"box_of_nothing", {1}, {whole(0)}},
          {"box_left_of_the_image", {1}, {box(-1, 0, 5, 5)}},
          {"box_below_the_image", {1}, {box(0, 6, 5, 5)}},
          {"box_that_overflows", {1}, {box(2147483647, 0, 1, 1)}},
          {"zoom_of_zero", {1}, {warped(whole(10), 0, 0, 0, 0)}},
          {"shift_of_nan", {1}, {warped(whole(10), 0, NAN, 0, 1)}},
          {"infinite_brightness", {1}, {exposed(whole(10), INFINITY, 1)}}};
}

void add_benchmarks(Benchmarks& list) {
  const BenchmarkSetting& s = list.setting;
  AugmentParams params;
  for (int i = 0; i < AugmentParams::max_channels; ++i) {
    params.mean[i] = 0.5f;
    params.deviation[i] = 0.25f;
  }
  Layout layout = list.layout_of({s.batch, s.channels, s.size, s.size});
  if (layout == Layout::blocked16) layout = Layout::contiguous;
  const auto add = [&](const char* name, std::int64_t stored, Values values) {
    Call call = augment({s.batch, s.channels, stored, s.batch, s.size}, params, s.activation, layout);
    call.operand("records").values = values;
    list.add(name, std::move(call));
  };
  add("report_cnn.images", s.size + s.size / 8, Values::records);
  add("report_cnn.whole_images", s.size, Values::whole_image_records);
}

}  // namespace

Operation describe_augment() {
  const std::vector<AugmentCase> odd{{"odd_address", 1, 16, 16, {whole(16), exposed(whole(16), 0.1f, 1.2f)}}};
  const std::vector<AugmentCase> launches{{"launches_kept", 1, 12, 12, {whole(12)}},
                                          {"launches_reduced", 1, 19, 12, {whole(19)}}};
  return {
      .name = "augment",
      .checks = {checks_of("augment", augment_cases(), check_layouts),
                 checks_of("augment gives the same bits on every backend", augment_cases(), check_same_bits),
                 checks_of("augment of images at an odd address to an aligned output", odd,
                           check_odd_address),
                 checks_of("augment with one launch unless a shape needs a reduction", launches,
                           check_launches),
                 checks_of("augment refuses what does not fit", refusals(), check_refusals),
                 checks_of("augment records that reach out of an image are refused", records_cases(),
                           check_records)},
      .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
