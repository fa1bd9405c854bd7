#include "kernels/cudnn/convolution_plan.h"

#include <catch2/catch.hpp>
#include <functional>

using namespace xr::kernels;
using namespace xr::kernels::cudnn;

namespace {

/// Everything that one field of an operand can change.
std::vector<std::function<void(Operand&)>> operand_changes() {
  // Does not compile when a field is added that the list below lacks.
  [[maybe_unused]] const auto [dtype, extents, strides, alignment] = Operand{};
  std::vector<std::function<void(Operand&)>> changes{
      [](Operand& o) { o.dtype = o.dtype == DType::f32 ? DType::bf16 : DType::f32; },
      [](Operand& o) { o.alignment /= 2; }};
  for (std::size_t d = 0; d < 4; ++d) {
    changes.emplace_back([d](Operand& o) { ++o.extents[d]; });
    changes.emplace_back([d](Operand& o) { ++o.strides[d]; });
  }
  return changes;
}

std::vector<std::function<void(Convolution&)>> changes() {
  [[maybe_unused]] const auto [pass, tf32, accumulate, bias, x, filter, y, padding, padding_end, stride,
                               dilation, groups] = Convolution{};
  std::vector<std::function<void(Convolution&)>> list{[](Convolution& c) { c.pass = Pass::backward_data; },
                                                      [](Convolution& c) { c.pass = Pass::backward_filter; },
                                                      [](Convolution& c) { c.tf32 = !c.tf32; },
                                                      [](Convolution& c) { c.accumulate = !c.accumulate; },
                                                      [](Convolution& c) { c.bias_alignment = 4; },
                                                      [](Convolution& c) { c.bias_alignment = 16; },
                                                      [](Convolution& c) { ++c.groups; }};
  for (std::size_t d = 0; d < 2; ++d)
    for (const auto field :
         {&Convolution::padding, &Convolution::padding_end, &Convolution::stride, &Convolution::dilation})
      list.emplace_back([d, field](Convolution& c) { ++(c.*field)[d]; });
  for (const auto operand : {&Convolution::x, &Convolution::filter, &Convolution::y})
    for (const auto& change : operand_changes())
      list.emplace_back([operand, change](Convolution& c) { change(c.*operand); });
  return list;
}

Convolution example() {
  Convolution c;
  c.x = operand_of(ConstView(nullptr, {60, 32, 113, 113}));
  c.filter = operand_of(ConstView(nullptr, {64, 32, 3, 3}));
  c.y = operand_of(ConstView(nullptr, {60, 64, 115, 115}));
  c.padding = c.padding_end = {2, 2};
  return c;
}

}  // namespace

TEST_CASE("a change of any field of a convolution is another key") {
  const Convolution base = example();
  CHECK(base == example());
  std::map<Convolution, std::size_t> keys{{base, 0}};
  for (const auto& change : changes()) {
    Convolution changed = base;
    change(changed);
    CHECK(changed != base);
    INFO(keys.size() << ": " << changed.describe());
    CHECK(keys.emplace(changed, keys.size()).second);
  }
  CHECK(keys.size() == changes().size() + 1);
}

TEST_CASE("an operand has the strides of its layout and the alignment of its address") {
  alignas(16) static const float data[8] = {};
  const Shape shape{2, 3, 5, 7};
  const Operand contiguous = operand_of(ConstView(data, shape));
  CHECK(contiguous.extents == std::array<std::int64_t, 4>{2, 3, 5, 7});
  CHECK(contiguous.strides == std::array<std::int64_t, 4>{105, 35, 7, 1});
  CHECK(contiguous.alignment == 16);
  const Operand last = operand_of(ConstView(data + 1, shape, DType::bf16, Layout::channels_last));
  CHECK(last.strides == std::array<std::int64_t, 4>{105, 1, 21, 3});
  CHECK(last.dtype == DType::bf16);
  CHECK(last.alignment == 4);
  CHECK(operand_of(ConstView(data + 2, shape)).alignment == 8);
}

TEST_CASE("engines are allowed by their notes") {
  const auto allowed = [](std::vector<cudnnBackendNumericalNote_t> notes, bool tensor_cores) {
    return is_allowed(notes, tensor_cores);
  };
  for (const bool tensor_cores : {false, true}) {
    CHECK(allowed({}, tensor_cores));
    CHECK(allowed({CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP}, tensor_cores));
    CHECK(allowed({CUDNN_NUMERICAL_NOTE_TENSOR_CORE}, tensor_cores) == tensor_cores);
    for (const auto note :
         {CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC, CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS,
          CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION, CUDNN_NUMERICAL_NOTE_FFT,
          CUDNN_NUMERICAL_NOTE_WINOGRAD, CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_4x4,
          CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6, CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13}) {
      INFO(static_cast<int>(note));
      CHECK_FALSE(allowed({note}, tensor_cores));
      CHECK_FALSE(allowed({CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP, note}, tensor_cores));
    }
  }
}
