// How many operands a steady step copies into another order or element type for a library's kernels: only those that are
// named here, each with its reason.
#include <array>
#include <catch2/catch.hpp>
#include <map>
#include <span>
#include <string>

#include "engine/core/autograd.h"
#include "engine/ops/cross_entropy.h"
#include "engine/train/parameter.h"
#include "kernels/registry.h"
#include "model/fold_batch_norms.h"
#include "model/model.h"
#include "model/training_step.h"
#include "tests/engine/support.h"

using namespace xr;
using engine::Tensor;

namespace {

constexpr std::int64_t side = 64, batch_size = 2;

struct NetworkCase {
  const char* name;
  std::int64_t channels;
  int convolutions, blocks;
  int few_pixels;  // 3x3 convolutions with at least 128 channels of at most 64 pixels
};
constexpr NetworkCase cases[] = {{"xray_resnet", 1, 20, 8, 8}, {"resnet18", 3, 20, 8, 12}};

using Counts = std::map<std::string, int>;

struct Recorded {
  Counts conversions;
  int reorders = 0;
};

/// Of work(), done a third time.
template <class Work>
Recorded steady(kernels::Backend& backend, Work&& work) {
  work();
  work();
  std::vector<kernels::ConversionRecord> conversions;
  std::vector<kernels::CallRecord> calls;
  backend.record_conversions(&conversions);
  backend.record_calls(&calls);
  work();
  backend.record_conversions(nullptr);
  backend.record_calls(nullptr);
  CHECK(calls.size() > 20);
  Recorded recorded;
  for (const kernels::ConversionRecord& record : conversions)
    ++recorded
          .conversions[std::string(record.operation) + " " + record.operand + (record.adds ? ", added" : "")];
  for (const kernels::CallRecord& record : calls) recorded.reorders += record.call == kernels::Reorder::name;
  return recorded;
}

/// Removes what may be there, up to `most` times, and returns how often it is.
int take(Counts& counts, const std::string& operand, int most) {
  const int count = counts[operand];
  counts.erase(operand);
  CAPTURE(operand);
  CHECK(count <= most);
  return count;
}

model::ModelSettings settings_of(const NetworkCase& c) {
  model::ModelSettings settings;
  settings.name = c.name;
  settings.channels = c.channels;
  settings.image_size = side;
  return settings;
}

Tensor images_of(const NetworkCase& c) {
  return engine::test::random_tensor({batch_size, c.channels, side, side}, 1);
}

/// Calls check() in fp32 and, where the processor has it, in bf16.
template <class Check>
void for_each_precision(Check&& check) {
  kernels::Backend& backend = kernels::backend({});
  for (const kernels::Precision precision : {kernels::Precision::fp32, kernels::Precision::bf16}) {
    if (!backend.has_precision(precision)) continue;
    backend.configure({.precision = precision});
    check(backend, precision == kernels::Precision::bf16);
  }
  backend.configure({});
}

/// Where vectors are narrower, oneDNN wants other blocks of channels.
bool has_blocks_of_16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") != 0;
#else
  return false;
#endif
}

}  // namespace

TEST_CASE("a steady training step converts filters, their gradients and what the first convolution reads") {
  if (!has_blocks_of_16()) return;
  for (const NetworkCase& c : cases)
    for_each_precision([&](kernels::Backend& backend, bool bf16) {
      const auto network = model::make_model(settings_of(c));
      engine::ParameterArena arena(network->parameters());
      model::TrainingStep step(*network, arena, {});
      const Tensor images = images_of(c),
                   labels = Tensor::from_host(
                       std::span<const std::int64_t>(std::array<std::int64_t, batch_size>{0, 1}),
                       {batch_size});
      Recorded recorded = steady(backend, [&] { (void)step.run(0, images, labels); });
      CAPTURE(c.name, bf16);
      Counts& rest = recorded.conversions;
      // The parameters lie in PyTorch's order in one arena, and so do their gradients; kernels want them in blocks.
      CHECK(take(rest, "conv2d_forward filter", c.convolutions) == c.convolutions);
      CHECK(take(rest, "conv2d_backward_data filter", c.convolutions) == c.convolutions - 1);
      take(rest, "conv2d_backward_filter d_filter", c.convolutions);
      take(rest, "matmul a", 2);  // of the classifier, rounded to bf16
      take(rest, "matmul b", 2);
      // oneDNN's data gradient cannot add to the one that came through the shortcut. Ours by Winograd's method can, in bf16
      // without AMX: those of the first two blocks, which have enough pixels.
      const bool windows = bf16 && backend.preferred_layout(128) == kernels::Layout::channels_last;
      const int added = bf16 && !windows ? c.blocks - 2 : c.blocks;
      CHECK(take(rest, "conv2d_backward_data dx, added", c.blocks) == added);
      // Images are planes. The filter gradient of so few channels is our own, in bf16 with AMX that of few pixels, too: their
      // inputs have padding in memory. In bf16 without AMX rows are padded one by one.
      take(rest, "conv2d_forward x", bf16 && c.channels > 1 ? 1 : 0);
      const int inputs = windows ? 1 + c.few_pixels : bf16 ? 0 : 1;
      CHECK(take(rest, "conv2d_backward_filter x", inputs) == inputs);
      for (const auto& [operand, count] : rest) FAIL_CHECK(operand << ": " << count);
      CHECK(recorded.reorders == 0);
    });
}

TEST_CASE("steady inference converts no filter and no activation but the images") {
  if (!has_blocks_of_16()) return;
  for (const NetworkCase& c : cases)
    for_each_precision([&](kernels::Backend& backend, bool bf16) {
      const auto network = model::make_model(settings_of(c));
      model::fold_batch_norms(*network, {c.channels, side, side});
      const engine::NoGradGuard no_grad;
      const Tensor images = images_of(c);
      Recorded recorded = steady(backend, [&] { (void)(*network)(images); });
      CAPTURE(c.name, bf16);
      Counts& rest = recorded.conversions;
      take(rest, "conv2d_forward x", bf16 && c.channels > 1 ? 1 : 0);
      take(rest, "matmul a", bf16 ? 1 : 0);  // the classifier's weight, rounded
      take(rest, "matmul b", bf16 ? 1 : 0);
      for (const auto& [operand, count] : rest) FAIL_CHECK(operand << ": " << count);
      CHECK(recorded.reorders == 0);
    });
}
