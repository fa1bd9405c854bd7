#include "kernels/common/error_codes.h"
#include "model/layers/batch_norm2d.h"
#include "model/layers/conv2d.h"
#include "model/layers/dropout.h"
#include "model/layers/linear.h"

#include "engine/ops/sum.h"
#include "tests/engine/support.h"

using namespace xr;
using namespace xr::model;
using namespace xr::engine;
using namespace xr::engine::test;

namespace {

struct Range {
  float least = HUGE_VALF, greatest = -HUGE_VALF;
  double mean = 0, deviation = 0;
};

Range range_of(const Tensor& tensor) {
  Range range;
  const std::vector<float> numbers = tensor.to_host();
  for (const float value : numbers) {
    range.least = std::min(range.least, value);
    range.greatest = std::max(range.greatest, value);
    range.mean += static_cast<double>(value) / static_cast<double>(numbers.size());
  }
  for (const float value : numbers)
    range.deviation +=
        std::pow(static_cast<double>(value) - range.mean, 2) / static_cast<double>(numbers.size());
  range.deviation = std::sqrt(range.deviation);
  return range;
}

}  // namespace

// PyTorch's kaiming_uniform with a = sqrt 5 is uniform in +-1 / sqrt(fan in), for weights and biases.
TEST_CASE("initial weights of convolutions and linear layers are PyTorch's distribution") {
  Initializer initializer{3, {}};
  const Conv2d conv(initializer, 16, 64, {.kernel = 3});
  const Linear linear(initializer, 144, 500);
  for (const NamedTensor& tensor :
       {conv.parameters()[0], linear.parameters()[0], linear.parameters()[1]}) {  // fan in 144 in all
    const Range range = range_of(tensor.tensor);
    CHECK(range.least >= -1.0f / 12);
    CHECK(range.greatest <= 1.0f / 12);
    CHECK(range.least == Approx(-1.0 / 12).epsilon(0.02));
    CHECK(range.greatest == Approx(1.0 / 12).epsilon(0.02));
    CHECK(range.mean == Approx(0).margin(0.012));
    CHECK(range.deviation == Approx(1.0 / 12 / std::sqrt(3.0)).epsilon(0.1));
  }
}

TEST_CASE("residual networks start from He's normal distribution") {
  Initializer initializer{3, {}};
  const Conv2d conv(initializer, 16, 32,
                    {.kernel = 3, .bias = false, .weights = ConvolutionWeights::fan_out});
  REQUIRE(conv.parameters().size() == 1);
  const Range range = range_of(conv.parameters()[0].tensor);
  CHECK(range.deviation == Approx(std::sqrt(2.0 / (32 * 9))).epsilon(0.05));
  CHECK(range.mean == Approx(0).margin(0.006));
}

TEST_CASE("layers take different random numbers") {
  Initializer initializer{3, {}}, again{3, {}}, other{4, {}};
  const Linear first(initializer, 8, 8), second(initializer, 8, 8), repeated(again, 8, 8),
      changed(other, 8, 8);
  const auto weight = [](const Linear& layer) { return layer.parameters()[0].tensor.to_host(); };
  CHECK(weight(first) == weight(repeated));
  CHECK(weight(first) != weight(second));
  CHECK(weight(first) != weight(changed));
  CHECK(first.parameters()[1].tensor.to_host() != second.parameters()[1].tensor.to_host());
}

TEST_CASE("batch normalisation starts as PyTorch's and counts batches while training") {
  for (const BatchNorm2dOptions options : {BatchNorm2dOptions{}, BatchNorm2dOptions{.relu = true},
                                           BatchNorm2dOptions{.relu = true, .max_pool = true}}) {
    CAPTURE(options.relu, options.max_pool);
    BatchNorm2d norm({}, 3, options);
    const std::vector<NamedTensor> state = norm.state();
    REQUIRE(state.size() == 5);
    CHECK(state[0].tensor.to_host() == std::vector<float>{1, 1, 1});
    CHECK(state[1].tensor.to_host() == std::vector<float>{0, 0, 0});
    CHECK(state[2].name == "running_mean");
    CHECK(state[2].tensor.to_host() == std::vector<float>{0, 0, 0});
    CHECK(state[3].name == "running_var");
    CHECK(state[3].tensor.to_host() == std::vector<float>{1, 1, 1});
    CHECK(state[4].name == "num_batches_tracked");
    CHECK(state[4].tensor.shape() == Shape{});
    const Tensor x = random_tensor({4, 3, 6, 7}, 1);
    CHECK(norm(x).shape() == norm.output_shape(x.shape()));
    (void)norm(x);
    CHECK(state[4].tensor.to_host_i64() == std::vector<std::int64_t>{2});
    const std::vector<float> mean = state[2].tensor.to_host();
    CHECK(mean != std::vector<float>{0, 0, 0});
    norm.set_training(false);
    const Tensor y = norm(x);
    CHECK(state[4].tensor.to_host_i64() == std::vector<std::int64_t>{2});
    CHECK(state[2].tensor.to_host() == mean);
    const std::vector<float> results = y.to_host();
    CHECK((*std::min_element(results.begin(), results.end()) >= 0) == options.relu);
    CHECK(y.shape() == (options.max_pool ? Shape{4, 3, 3, 3} : x.shape()));
  }
  CHECK_THROWS_AS(BatchNorm2d({}, 3, {.relu = false, .max_pool = true}), Error);
}

TEST_CASE("layers tell their output's shape or why they have none") {
  const auto code_of = [](const Module& module, const Shape& x) {
    try {
      (void)module.output_shape(x);
      return ErrorCode{"none"};
    } catch (const Error& error) {
      return error.code();
    }
  };
  Initializer initializer{3, {}};
  for (const std::int64_t stride : {1, 2, 3})
    for (const std::int64_t padding : {0, 2}) {
      Conv2d conv(initializer, 2, 3, {.kernel = 3, .stride = stride, .padding = padding});
      const Shape x{2, 2, 5, 8};
      CHECK(conv(Tensor::zeros(x)).shape() == conv.output_shape(x));
      CHECK(code_of(conv, {2, 2, 2, 8}) == (padding == 0 ? error_code::image_too_small : ErrorCode{"none"}));
      CHECK(code_of(conv, {2, 1, 5, 8}) == ErrorCode{});
    }
  BatchNorm2d norm({}, 2, {.relu = true, .max_pool = true});
  CHECK(code_of(norm, {2, 2, 1, 4}) == error_code::image_too_small);
  CHECK(code_of(norm, {1, 2, 1, 1}) == error_code::batch_too_small);
  CHECK(code_of(norm, {1, 3, 4, 4}) == ErrorCode{});
  norm.set_training(false);
  CHECK(code_of(norm, {1, 2, 1, 1}) == error_code::image_too_small);
}

TEST_CASE("layers of shapes only have no memory and take the same random streams") {
  Initializer initializer{.seed = 3, .shapes_only = true}, real{3, {}};
  const Conv2d conv(initializer, 16, 1 << 20, {.kernel = 3}), small(real, 1, 1, {.kernel = 3});
  const Linear linear(initializer, 1 << 20, 1 << 20), little(real, 1, 1);
  const BatchNorm2d norm(initializer, 8);
  CHECK(conv.parameter_count() == (16 * 9 + 1) * (std::int64_t{1} << 20));
  CHECK(linear.parameter_count() == ((std::int64_t{1} << 20) + 1) << 20);
  CHECK(norm.parameter_count() == 16);
  CHECK(initializer.next_stream == real.next_stream);
  CHECK_THROWS_AS((void)linear.parameters(), Error);
}

TEST_CASE("dropout masks depend on seed and layer and step") {
  Initializer initializer{7, {}}, other_seed{8, {}};
  Dropout first(initializer, 0.5f), second(initializer, 0.5f), reseeded(other_seed, 0.5f);
  const Tensor ones = Tensor::full({1, 1000}, 1.0f);
  const auto mask = [&](Dropout& layer, std::int64_t step) {
    layer.set_step(step);
    return layer(ones).to_host();
  };
  const std::vector<float> reference = mask(first, 3);
  CHECK(mask(first, 3) == reference);
  CHECK(mask(first, 4) != reference);
  CHECK(mask(second, 3) != reference);
  CHECK(mask(reseeded, 3) != reference);
  CHECK(std::count(reference.begin(), reference.end(), 0.0f) == Approx(500).margin(80));
  first.set_training(false);
  CHECK(mask(first, 3) == ones.to_host());
  Dropout none(initializer, 0.0f);
  CHECK(mask(none, 3) == ones.to_host());
}
