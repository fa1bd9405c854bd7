// Images of bytes to the network's input: crop, flip, warp, exposure, normalisation.
#include "kernels/ops/augment.h"

#include <fmt/core.h>

#include <cmath>
#include <cstring>

#include "kernels/common/random.h"
#include "kernels/registry.h"
#include "tests/ops/augment_cases.h"
#include "tests/ops/guarded_buffer.h"
#include "tests/ops/operation.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/augment.h"

namespace xr::tests {

namespace {

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
