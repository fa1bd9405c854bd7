#include "engine/train/parameter.h"

#include "engine/ops/mul.h"
#include "engine/ops/sum.h"
#include "tests/engine/support.h"

using namespace xr;
using namespace xr::engine;
using namespace xr::engine::test;
using Catch::Matchers::Contains;

namespace {

struct Fixture {
  Tensor a = random_leaf({3, 5}, 1), b = random_leaf({7}, 2), c = random_leaf({16}, 3);
  std::vector<float> values_a = a.to_host(), values_b = b.to_host(), values_c = c.to_host();
  ParameterArena arena{{{"a", a}, {"b", b}, {"c", c}}};
};

}  // namespace

TEST_CASE_METHOD(Fixture, "the arena keeps values and identities") {
  CHECK(a.to_host() == values_a);
  CHECK(b.to_host() == values_b);
  CHECK(c.to_host() == values_c);
  CHECK(arena.parameter_count() == 15 + 7 + 16);
  CHECK(arena.parameters()[1].name == "b");
  a.copy_from_host(std::vector<float>(15, 4.0f));
  CHECK(arena.parameters()[0].tensor.to_host() == std::vector<float>(15, 4.0f));
  CHECK(arena.values().to_host()[0] == 4.0f);
}

TEST_CASE_METHOD(Fixture, "the arena is contiguous with aligned parameters and zeros between") {
  CHECK(arena.values().shape() == Shape{48});
  CHECK(arena.gradients().shape() == Shape{48});
  const auto* base = static_cast<const std::byte*>(arena.values().view().data);
  CHECK(static_cast<const std::byte*>(a.view().data) == base);
  CHECK(static_cast<const std::byte*>(b.view().data) == base + 64);
  CHECK(static_cast<const std::byte*>(c.view().data) == base + 128);
  const std::vector<float> all = arena.values().to_host();
  CHECK(std::equal(values_b.begin(), values_b.end(), all.begin() + 16));
  CHECK(all[15] == 0.0f);
  for (std::size_t i = 23; i < 32; ++i) CHECK(all[i] == 0.0f);
}

TEST_CASE_METHOD(Fixture, "gradients land in the arena") {
  sum(mul(a, 2.0f)).backward();
  sum(mul(b, 3.0f)).backward();
  const std::vector<float> gradients = arena.gradients().to_host();
  CHECK(gradients[0] == 2.0f);
  CHECK(gradients[14] == 2.0f);
  CHECK(gradients[15] == 0.0f);
  CHECK(gradients[16] == 3.0f);
  CHECK(a.grad().view().data == arena.gradients().view().data);
  CHECK_THAT(error_of([&] { arena.check_gradients(); }), Contains("parameter c has no gradient"));
  sum(c).backward();
  arena.check_gradients();
  arena.zero_grad();
  CHECK_FALSE(a.grad().defined());
  CHECK_THAT(error_of([&] { arena.check_gradients(); }), Contains("parameter a has no gradient"));
  sum(mul(a, 5.0f)).backward();  // overwrites, though the memory holds the old gradient
  CHECK(arena.gradients().to_host()[0] == 5.0f);
}

TEST_CASE("the arena refuses what it cannot hold") {
  CHECK_THAT(error_of([] { ParameterArena arena({}); }), Contains("without parameters"));
  CHECK_THAT(error_of([] {
               ParameterArena arena({{"steps", labels({1})}});
             }),
             Contains("steps") && Contains("f32"));
  CHECK_THAT(error_of([] {
               ParameterArena arena({{"made", mul(random_leaf({2}, 1), 2.0f)}});
             }),
             Contains("made") && Contains("leaf"));
  CHECK_THAT(error_of([] {
               Tensor blocked = Tensor::zeros({1, 16, 1, 1}, {DType::f32, {}, Layout::blocked16});
               ParameterArena arena({{"blocked", blocked}});
             }),
             Contains("blocked") && Contains("contiguous"));
}
