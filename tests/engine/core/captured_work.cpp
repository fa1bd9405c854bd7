#include "engine/core/captured_work.h"

#include <array>
#include <chrono>
#include <future>
#include <optional>
#include <vector>

#include "engine/core/autograd.h"
#include "engine/ops/dropout.h"
#include "engine/ops/linear.h"
#include "engine/ops/mul.h"
#include "engine/ops/relu.h"
#include "engine/ops/sum.h"
#include "tests/devices.h"
#include "tests/engine/support.h"

using namespace xr;
using namespace xr::engine;
using namespace xr::engine::test;
using Catch::Matchers::Contains;

namespace {

std::vector<Device> devices() {
  std::vector<Device> found = tests::devices_there({"simt", "cuda"});
  std::erase_if(found, [](const Device& device) { return !can_capture(device); });
  return found;
}

/// A small layer with dropout whose mask depends on `offset` on the device.
struct Layer {
  explicit Layer(const Device& device)
      : x(random_tensor({6, 8}, 1, device)),
        weight(random_tensor({5, 8}, 2, device).set_requires_grad(true)),
        offset(
            Tensor::from_host(std::span<const std::int64_t>(std::array<std::int64_t, 1>{0}), {1}, device)) {}

  void run() {
    DropoutParams params{.probability = 0.5f, .seed = 3};
    params.offset_on_device = offset.view().as<std::uint64_t>();
    weight.clear_grad();
    y = dropout(relu(linear(x, weight, {})), params);
    sum(mul(y, y)).backward();
  }
  void set(std::uint64_t number, std::int64_t step) {
    x.copy_from_host(random_tensor(x.shape(), number).to_host());
    offset.backend().copy_from_host(offset.mutable_view().data, &step, sizeof step);
  }
  [[nodiscard]] std::vector<float> results() const {
    std::vector<float> values = y.to_host();
    const std::vector<float> gradient = weight.grad().to_host();
    values.insert(values.end(), gradient.begin(), gradient.end());
    return values;
  }

  Tensor x, weight, offset, y;
};

}  // namespace

TEST_CASE("captured work gives the same bytes as the work itself with new inputs and masks") {
  for (const Device& device : devices()) {
    Layer direct(device), recorded(device);
    recorded.run();  // the first time, in which memory is set up
    const std::vector<float> before = recorded.results();
    CapturedWork work(device, [&] { recorded.run(); });
    for (std::int64_t step = 0; step < 4; ++step) {
      direct.set(10 + static_cast<std::uint64_t>(step), step << 32);
      recorded.set(10 + static_cast<std::uint64_t>(step), step << 32);
      direct.run();
      work.replay();
      CHECK(recorded.results() == direct.results());
      CHECK(recorded.results() != before);
    }
  }
}

TEST_CASE("captured work is not done while it is recorded") {
  for (const Device& device : devices()) {
    Tensor x = random_tensor({100}, 1, device), y = Tensor::zeros({100}, {DType::f32, device, {}});
    CapturedWork work(device, [&] {
      x.backend().run(kernels::Scale{
          .x = x.view(), .y = y.mutable_view(), .factor = 2.0f, .write = GradientWrite::accumulate});
    });
    CHECK(y.to_host() == std::vector<float>(100, 0.0f));
    work.replay();
    work.replay();
    std::vector<float> expected = x.to_host();
    for (float& value : expected) value = 2.0f * value + 2.0f * value;
    CHECK(y.to_host() == expected);
  }
}

TEST_CASE("captured work keeps its memory from others") {
  for (const Device& device : devices()) {
    const Tensor x = random_tensor({1000}, 1, device);
    Tensor result;
    std::optional<CapturedWork> work;
    const NoGradGuard no_grad;
    work.emplace(device, [&] { result = mul(mul(x, 2.0f), 3.0f); });  // with a temporary
    work->replay();
    const std::vector<float> expected = result.to_host();
    std::vector<Tensor> others;  // each would take the temporary's block if it were free
    for (int i = 0; i < 8; ++i) others.push_back(Tensor::full({1000}, 7.0f, {DType::f32, device, {}}));
    work->replay();
    for (const Tensor& other : others) CHECK(other.to_host() == std::vector<float>(1000, 7.0f));
    CHECK(result.to_host() == expected);
    const std::size_t in_use = allocator(device).statistics().bytes_in_use;
    work.reset();
    CHECK(allocator(device).statistics().bytes_in_use == in_use);
    // Now its blocks serve others again.
    const std::int64_t allocations = allocator(device).statistics().device_allocations;
    const Tensor again = Tensor::full({1000}, 1.0f, {DType::f32, device, {}});
    CHECK(allocator(device).statistics().device_allocations == allocations);
  }
}

TEST_CASE("captured work cannot read results and a failed capture leaves the device usable") {
  for (const Device& device : devices()) {
    const Tensor x = random_tensor({10}, 1, device);
    const std::string message =
        error_of([&] { const CapturedWork work(device, [&] { (void)mul(x, 2.0f).to_host(); }); });
    CHECK_THAT(message, Contains("a copy to the host cannot be a part of captured work"));
    CHECK(mul(x, 1.0f).to_host() == x.to_host());
    CapturedWork work(device, [&] { (void)mul(x, 2.0f); });
    work.replay();
  }
}

TEST_CASE("a thread that copies while another records gets its copy after the recording") {
  for (const Device& device : devices()) {
    const Tensor x = random_tensor({10}, 1, device);
    const std::vector<float> expected = x.to_host();
    std::future<std::vector<float>> copy;
    const CapturedWork work(device, [&] {
      std::promise<void> begins;
      std::future<void> begun = begins.get_future();
      copy = std::async(std::launch::async, [&x, begins = std::move(begins)]() mutable {
        begins.set_value();
        return x.to_host();
      });
      begun.wait();
      CHECK(copy.wait_for(std::chrono::milliseconds(20)) == std::future_status::timeout);
      (void)mul(x, 2.0f);
    });
    CHECK(copy.get() == expected);
  }
}

TEST_CASE("the cpu records no work and says so") {
  CHECK_FALSE(can_capture({}));
  CHECK_THAT(error_of([] { const CapturedWork work({}, [] {}); }), Contains("cpu cannot record work"));
}

TEST_CASE("a copy to the host that is waited for later holds what was there") {
  std::vector<Device> all = devices();
  all.emplace_back();
  for (const Device& device : all) {
    Tensor x = random_tensor({300}, 1, device);
    const std::vector<float> expected = x.to_host();
    const auto copy = x.backend().make_host_copy(2000);
    copy->start(x.view().data, x.view().bytes());
    x.backend().run(kernels::Fill{.y = x.mutable_view()});  // queued behind the copy
    const std::span<const std::byte> bytes = copy->wait();
    REQUIRE(bytes.size() == 1200);
    CHECK(std::memcmp(bytes.data(), expected.data(), bytes.size()) == 0);
    CHECK_THAT(error_of([&] { copy->start(x.view().data, 2001); }), Contains("2000 were reserved"));
  }
}
