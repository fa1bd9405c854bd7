// The harness must see what it is there to see: each test lets an operation do one thing wrong.
#include <algorithm>
#include <catch2/catch.hpp>
#include <limits>
#include <optional>

#include "kernels/ops/elementwise.h"
#include "tests/ops/guarded_buffer.h"
#include "tests/ops/harness.h"
#include "tests/ops/operation.h"
#include "tests/ops/test_backends.h"

using namespace xr;
using namespace xr::tests;

namespace {

const Tensor values({5}, {1, 2, 3, 4, 5});

/// A call that is no backend's own.
Call call_with(std::vector<Operand> operands, std::function<void(Backend&, Views, GradientWrite)> run) {
  Call call;
  call.name = "example";
  call.operands = std::move(operands);
  call.run = std::move(run);
  return call;
}

using Harm = std::function<void(Backend&, Views)>;

/// y = x, then `harm` is done.
std::vector<std::string> problems_of(const Harm& harm) {
  Backend& backend = *test_backends().front();
  return run_call(backend, call_with({input("x", {5}), output("y", {5})},
                                     [&](Backend& b, Views v, GradientWrite) {
                                       b.copy(v[1].data, v[0].data, v[0].bytes());
                                       harm(b, v);
                                     })
                               .holds("x", values)
                               .expects("y", {values}))
      .problems;
}

/// Another value than what is there.
void write_byte(Backend& backend, void* base, std::ptrdiff_t offset) {
  unsigned char* const to = static_cast<unsigned char*>(base) + offset;
  unsigned char byte = 0;
  backend.copy_to_host(&byte, to, 1);
  byte = static_cast<unsigned char>(~byte);
  backend.copy_from_host(to, &byte, 1);
}

void write_float(Backend& backend, const View& view, std::ptrdiff_t index, float value) {
  backend.copy_from_host(view.as<float>() + index, &value, sizeof(value));
}

bool mentions(const std::vector<std::string>& problems, const std::string& text) {
  for (const std::string& problem : problems)
    if (problem.find(text) != std::string::npos) return true;
  return false;
}

std::string compared(double actual, double expected, Arithmetic arithmetic) {
  return compare(Tensor({1}, actual), {Tensor({1}, expected), DType::f32, arithmetic});
}

}  // namespace

TEST_CASE("the harness passes a right operation") {
  CHECK(problems_of([](Backend&, Views) {}).empty());
}

#if !defined(XR_SANITIZED)  // AddressSanitizer would rightly stop the writes into the guard zones
TEST_CASE("the harness sees writes beside the data") {
  CHECK(mentions(problems_of([](Backend& b, Views v) { write_byte(b, v[1].data, 20); }),
                 "y: byte 1 after the data"));
  CHECK(mentions(problems_of([](Backend& b, Views v) { write_byte(b, v[1].data, -1); }),
                 "y: byte 1 before the data"));
  CHECK(mentions(problems_of([](Backend& b, Views v) { write_byte(b, v[0].data, 20 + 255); }),
                 "x: byte 256 after the data"));
}
#endif

TEST_CASE("the harness sees changed inputs and elements that were not written") {
  CHECK(mentions(problems_of([](Backend& b, Views v) { write_byte(b, v[0].data, 7); }),
                 "x: the input was changed"));
  CHECK(mentions(problems_of([](Backend& b, Views v) {
                   write_float(b, v[1], 4, std::numeric_limits<float>::quiet_NaN());
                 }),
                 "y: 1 of 5 elements are wrong; the worst is element 4"));
}

TEST_CASE("the harness sees an operation that does nothing") {
  const Call nothing =
      call_with({output("y", {5})}, [](Backend&, Views, GradientWrite) {}).expects("y", {Tensor({5})});
  CHECK(mentions(run_call(*test_backends().front(), nothing).problems, "y: 5 of 5 elements are wrong"));
}

TEST_CASE("the harness sees results that change from run to run") {
  float drift = 3.0f;
  CHECK(mentions(problems_of([&](Backend& b, Views v) {
                   write_float(b, v[1], 2, drift);
                   drift = std::nextafter(drift, 4.0f);
                 }),
                 "y: other bytes in a second run"));
}

TEST_CASE("the harness sees an overwritten sum and an unwanted addition") {
  Backend& backend = *test_backends().front();
  // Overwrites or adds as it likes.
  const auto problems_with = [&](GradientWrite write, const std::optional<Tensor>& initial) {
    Call scale = call_of({input("x", {5}), output("y", {5})},
                         [write](Views v) {
                           return kernels::Scale{.x = v[0], .y = v[1], .factor = 1, .write = write};
                         })
                     .holds("x", values)
                     .expects("y", {values});
    if (initial) scale.operand("y").contents = std::make_shared<const Tensor>(*initial);
    return run_call(backend, scale).problems;
  };
  CHECK(problems_with(GradientWrite::overwrite, std::nullopt).empty());
  CHECK_FALSE(problems_with(GradientWrite::accumulate, std::nullopt).empty());
  CHECK_FALSE(problems_with(GradientWrite::accumulate, Tensor({5}, 1e-3)).empty());
}

TEST_CASE("a call that ignores its write mode is seen in one of the two") {
  Backend& backend = *test_backends().front();
  for (const GradientWrite always : {GradientWrite::overwrite, GradientWrite::accumulate}) {
    const Call scale = call_of({input("x", {5}), output("y", {5})},
                               [always](Views v, GradientWrite) {
                                 return kernels::Scale{.x = v[0], .y = v[1], .factor = 1, .write = always};
                               })
                           .holds("x", values)
                           .expects("y", {values});
    std::vector<std::string> wrong;
    const Checker check("scale/five", [&](bool is_right, const std::string& message) {
      if (!is_right) wrong.push_back(message);
    });
    check(backend, scale);
    REQUIRE(!wrong.empty());
    CHECK(mentions(wrong, "scale/five: " + backend.name() + ": scale"));
    CHECK(mentions(wrong, "accumulate") == (always == GradientWrite::overwrite));
  }
}

TEST_CASE("what was said to be refused must be refused") {
  const Backend& backend = *test_backends().front();
  int right = 0, wrong = 0;
  const Checker check("example/case",
                      [&](bool is_right, const std::string&) { ++(is_right ? right : wrong); });
  check.refuses(backend, "nothing", [] {});
  check.refuses(backend, "all", [] { throw Error("no"); });
  CHECK(right == 1);
  CHECK(wrong == 1);
}

TEST_CASE("a case is selected by its name, its operation or not at all") {
  CHECK(is_selected("conv2d", "padding_2", ""));
  CHECK(is_selected("conv2d", "padding_2", "conv2d"));
  CHECK(is_selected("conv2d", "padding_2", "conv2d/padding_2"));
  CHECK_FALSE(is_selected("conv2d", "padding_2", "conv2d/padding"));
  CHECK_FALSE(is_selected("conv2d", "padding_2", "conv"));
  CHECK_FALSE(is_selected("conv2d", "padding_2", "relu/padding_2"));
}

TEST_CASE("shares of the tests run every case, and each runs something") {
  for (const std::size_t cases : {1, 3, 8, 29}) {
    std::vector<int> runs(cases);
    for (std::size_t turn = 0; turn < 8; ++turn) {
      std::size_t of_turn = 0;
      for (std::size_t i = 0; i < cases; ++i)
        if (is_in_share(i, cases, {turn, 8})) ++runs[i], ++of_turn;
      CHECK(of_turn >= 1);
      CHECK(of_turn <= cases / 8 + 1);
    }
    CHECK(std::ranges::all_of(runs, [](int count) { return count >= 1; }));
  }
  CHECK(parse_share("7/8").index == 7);
  CHECK(parse_share("7/8").count == 8);
  for (const char* text : {"", "8/8", "1", "1/", "/8", "1/8x", "-1/8", "1/0"})
    CHECK_THROWS_WITH(parse_share(text), Catch::Contains("no share of the tests"));
}

TEST_CASE("within a suite no two cases have one name") {
  CHECK(operations().size() > 20);
  const auto are_distinct = [](const auto& suite) {
    std::vector<std::string> names;
    for (const auto& one : suite.cases) names.push_back(one.name);
    CAPTURE(suite.title);
    CHECK(!names.empty());
    std::ranges::sort(names);
    CHECK(std::ranges::adjacent_find(names) == names.end());
    for (const std::string& name : names) CHECK(name.find_first_of(" /") == std::string::npos);
  };
  for (const Operation& operation : operations()) {
    for (const auto& suite : operation.checks) are_distinct(suite);
    for (const auto& suite : operation.gradients) are_distinct(suite);
  }
}

TEST_CASE("tolerances let rounding pass and nothing else") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const Arithmetic arithmetic :
       {Arithmetic::exact, Arithmetic::elementwise, Arithmetic::transcendental, Arithmetic::reduction}) {
    CHECK(compared(1.5, 1.5, arithmetic).empty());
    CHECK(compared(0.1f, 0.1, arithmetic).empty());
    CHECK_FALSE(compared(1 + 2e-6, 1, arithmetic).empty());
    CHECK_FALSE(compared(nan, 1, arithmetic).empty());
    CHECK_FALSE(compared(1, nan, arithmetic).empty());
    CHECK_FALSE(compared(infinity, 1, arithmetic).empty());
    CHECK_FALSE(compared(-infinity, infinity, arithmetic).empty());
    CHECK(compared(nan, nan, arithmetic).empty());
    CHECK(compared(infinity, infinity, arithmetic).empty());
  }
  CHECK_FALSE(compared(std::nextafter(1.5f, 2.0f), 1.5, Arithmetic::exact).empty());
  CHECK_FALSE(compare(Tensor({2}), {Tensor(Shape{2, 1})}).empty());
}

TEST_CASE("small errors in all elements do not pass") {
  const Tensor ones({100}, 1.0);
  Expected expected{ones, DType::f32, Arithmetic::elementwise};
  Tensor actual = ones;
  actual[7] += 4e-7;
  CHECK(compare(actual, expected).empty());
  for (double& value : actual.values) value = 1 + 4e-7;
  CHECK_FALSE(compare(actual, expected).empty());
}

TEST_CASE("buffers convert between layouts and element types") {
  Backend& backend = *test_backends().front();
  Tensor numbers(Shape{2, 16, 3, 5});
  for (std::int64_t i = 0; i < numbers.size(); ++i) numbers[i] = static_cast<double>(i % 250);
  for (const Layout layout : layouts_of(numbers.shape))
    for (const DType dtype : {DType::f32, DType::bf16, DType::i64, DType::i32, DType::u8}) {
      GuardedBuffer buffer(backend, numbers.shape, dtype, layout);
      buffer.write(numbers);
      CHECK(buffer.read().values == numbers.values);
    }
  GuardedBuffer rounded(backend, {3}, DType::bf16, Layout::contiguous);
  rounded.write(Tensor({3}, {1 + 1. / 256, 1 + 3. / 256, 3e38}));  // ties go to the even neighbour
  CHECK(rounded.read().values[0] == 1);
  CHECK(rounded.read().values[1] == 1 + 4. / 256);
  CHECK(rounded.read().values[2] == Approx(3e38).epsilon(4e-3));
  // The second pixel of a channels-last image holds all channels before the third pixel begins.
  GuardedBuffer pixels(backend, {1, 2, 1, 2}, DType::f32, Layout::channels_last);
  pixels.write(Tensor({1, 2, 1, 2}, {1, 2, 3, 4}));
  const std::vector<std::byte> bytes = pixels.bytes();
  CHECK(reinterpret_cast<const float*>(bytes.data())[1] == 3);
}
