// Plans for an H100 on a machine without one: graphs, heuristics, engines and plans are cuDNN's own; only the
// execution is missing. Engines that cuDNN compiles at run time need the driver's library and are not found
// here: those that mix bf16 operands with an f32 result or an f32 bias.
#include <algorithm>
#include <catch2/catch.hpp>
#include <optional>

#include "kernels/common/error.h"
#include "kernels/cudnn/convolution_plan.h"
#include "kernels/cudnn/cublas_library.h"
#include "kernels/cudnn/operations.h"
#include "tests/kernels/cudnn/device_properties.h"

using namespace xr;
using namespace xr::kernels;
using namespace xr::kernels::cudnn;

// The libraries do not free all that they keep: LeakSanitizer is told so by the names in an allocation's
// stack.
extern "C" const char* __lsan_default_suppressions();  // NOLINT(readability-identifier-naming)
const char* __lsan_default_suppressions() {            // NOLINT(readability-identifier-naming)
  return "leak:libcublasLt\n";
}

namespace {

constexpr std::size_t max_workspace = std::size_t{2} << 30;

struct Case {
  const char* name;
  Shape x, filter;
  std::int64_t padding, stride, dilation, groups;
};

// The report's network at batch 60, what has no fast own kernel, and sizes that no tile likes.
const std::vector<Case> cases = {{"report 1", {60, 1, 224, 224}, {32, 1, 3, 3}, 2, 1, 1, 1},
                                 {"report 2", {60, 32, 113, 113}, {64, 32, 3, 3}, 2, 1, 1, 1},
                                 {"stem", {60, 3, 224, 224}, {64, 3, 7, 7}, 3, 2, 1, 1},
                                 {"depthwise", {60, 32, 56, 56}, {32, 1, 3, 3}, 1, 1, 1, 32},
                                 {"dilated", {60, 32, 56, 56}, {32, 32, 3, 3}, 2, 1, 2, 1},
                                 {"odd", {2, 5, 9, 7}, {3, 5, 3, 2}, 1, 2, 1, 1},
                                 {"one", {1, 1, 1, 1}, {1, 1, 1, 1}, 0, 1, 1, 1}};

Convolution make(const Case& c, Pass pass, Precision precision, Layout layout) {
  const DType activation = precision == Precision::bf16 ? DType::bf16 : DType::f32;
  const auto out = [&](std::int64_t in, std::int64_t kernel) {
    return (in + 2 * c.padding - c.dilation * (kernel - 1) - 1) / c.stride + 1;
  };
  const Shape y{c.x[0], c.filter[0], out(c.x[2], c.filter[2]), out(c.x[3], c.filter[3])};
  Convolution convolution;
  convolution.pass = pass;
  convolution.tf32 = precision != Precision::fp32;
  convolution.x = operand_of(ConstView(nullptr, c.x, activation, layout));
  convolution.filter =
      operand_of(ConstView(nullptr, c.filter, pass == Pass::backward_filter ? DType::f32 : activation));
  convolution.y = operand_of(ConstView(nullptr, y, activation, layout));
  convolution.padding = convolution.padding_end = {c.padding, c.padding};
  convolution.stride = {c.stride, c.stride};
  convolution.dilation = {c.dilation, c.dilation};
  convolution.groups = c.groups;
  return convolution;
}

/// cuDNN and the described device, if the machine has a library that can do this.
struct Device {
  std::optional<SharedLibrary> compiler;
  std::optional<CudnnLibrary> library;
  std::optional<Descriptor> properties;

  Device() {
    try {
      // cuDNN opens and closes it again and again; a closed library's leaks have no name.
      compiler.emplace(
          LibraryFile{"NVRTC", fmt::format("libnvrtc.so.{}", CUBLAS_VER_MAJOR), cublas_file().folders, ""});
    } catch (const Error&) {
      compiler.reset();  // cuDNN does without it, too
    }
    try {
      library.emplace();
      XR_CHECK(library->cudnnGetVersion() >= 90800, "{} cannot plan without a device: 9.8 can",
               library->version());
      properties.emplace(tests::make_h100_properties(*library));
    } catch (const Error& error) {
      WARN("not checked: " << error.what());
      properties.reset();
    }
  }
  [[nodiscard]] bool exists() const { return properties.has_value(); }
  [[nodiscard]] Target target() const { return {&*library, nullptr, &*properties}; }
};

bool has_note(const ConvolutionPlan& plan, cudnnBackendNumericalNote_t note) {
  return std::count(plan.notes().begin(), plan.notes().end(), note) > 0;
}

void check_plan(ConvolutionPlans& plans, const Convolution& convolution) {
  INFO(convolution.describe());
  const ConvolutionPlan* plan = plans.find(convolution);
  REQUIRE(plan != nullptr);
  CHECK(plans.find(convolution) == plan);
  CHECK(is_allowed(plan->notes(), convolution.tf32));
  CHECK_FALSE(has_note(*plan, CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC));
  CHECK(plan->workspace_bytes() <= max_workspace);
  CHECK_THAT(plan->name(), Catch::Matchers::StartsWith(std::string("cudnn ") + name_of(convolution.pass)));
}

/// What the engine asks for in this precision, as far as it needs no engine that is compiled at run time.
std::vector<Convolution> convolutions_of(const Case& c, Precision precision, Layout layout) {
  Convolution forward = make(c, Pass::forward, precision, layout);
  std::vector<Convolution> list{forward};
  if (precision != Precision::bf16) {
    forward.bias_alignment = 16;
    list.push_back(forward);
    forward.bias_alignment = 4;
    list.push_back(forward);
  }
  for (const Pass pass : {Pass::backward_data, Pass::backward_filter}) {
    if (precision == Precision::bf16 && pass == Pass::backward_filter) continue;
    for (const bool accumulate : {false, true}) {
      list.push_back(make(c, pass, precision, layout));
      list.back().accumulate = accumulate;
    }
  }
  return list;
}

}  // namespace

TEST_CASE("cuDNN has deterministic plans for an H100 in each precision") {
  const Device device;
  if (!device.exists()) return;
  ConvolutionPlans plans(device.target(), max_workspace);
  std::size_t count = 0;
  for (const Case& c : cases)
    for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16})
      for (const Layout layout : {Layout::contiguous, Layout::channels_last})
        for (const Convolution& convolution : convolutions_of(c, precision, layout)) {
          check_plan(plans, convolution);
          ++count;
        }
  INFO(count << " convolutions");
  CHECK(plans.size() > count / 2);  // a layout is no difference for one channel or pixel
}

TEST_CASE("cuDNN multiplies on tensor cores in tf32 and bf16 and not in fp32") {
  const Device device;
  if (!device.exists()) return;
  ConvolutionPlans plans(device.target(), max_workspace);
  for (const Pass pass : {Pass::forward, Pass::backward_data, Pass::backward_filter})
    for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
      if (precision == Precision::bf16 && pass == Pass::backward_filter) continue;
      const ConvolutionPlan* plan = plans.find(make(cases[1], pass, precision, Layout::channels_last));
      REQUIRE(plan != nullptr);
      INFO(plan->name());
      CHECK(has_note(*plan, CUDNN_NUMERICAL_NOTE_TENSOR_CORE) == (precision != Precision::fp32));
    }
}

TEST_CASE("a benchmark chooses among allowed plans, of which the first is the usual one") {
  const Device device;
  if (!device.exists()) return;
  ConvolutionPlans plans(device.target(), max_workspace);
  for (const Pass pass : {Pass::forward, Pass::backward_data, Pass::backward_filter}) {
    const Convolution c = make(cases[1], pass, Precision::tf32, Layout::channels_last);
    INFO(c.describe());
    std::vector<const ConvolutionPlan*> all;
    for (int index = 0; index < max_plans; ++index)
      if (const ConvolutionPlan* const plan = plans.find(c, index); plan != nullptr) all.push_back(plan);
    REQUIRE(all.size() >= 2);
    for (std::size_t i = 0; i < all.size(); ++i) {
      INFO(all[i]->name());
      CHECK(is_allowed(all[i]->notes(), true));
      CHECK(all[i]->workspace_bytes() <= max_workspace);
      CHECK(plans.find(c, static_cast<int>(i)) == all[i]);
      CHECK((all[i]->name().find(fmt::format(", plan {}", i)) != std::string::npos) == (i > 0));
    }
    ConvolutionPlanner planner(device.target(), c, max_workspace);
    CHECK(planner.at(all.size() - 1)->name() == all.back()->name());
    CHECK(planner.at(0)->name() == all[0]->name());
    CHECK(planner.at(1000) == nullptr);
    CHECK(plans.find(c, max_plans) == nullptr);
  }
  CHECK(plans.size() == 3);
}

TEST_CASE("plans that need more memory than allowed are passed over") {
  const Device device;
  if (!device.exists()) return;
  const Convolution c = make(cases[1], Pass::forward, Precision::tf32, Layout::contiguous);
  ConvolutionPlanner all(device.target(), c, max_workspace), frugal(device.target(), c, 1 << 20);
  const ConvolutionPlan *const any = all.at(0), *const small = frugal.at(0);
  REQUIRE((any != nullptr && small != nullptr));
  CHECK(any->workspace_bytes() > 1 << 20);
  CHECK(small->workspace_bytes() <= 1 << 20);
}

TEST_CASE("a convolution that makes no sense has an error and an unknown one no plan") {
  const Device device;
  if (!device.exists()) return;
  Convolution wrong = make(cases[1], Pass::forward, Precision::fp32, Layout::contiguous);
  wrong.y.extents[2] += 1;
  CHECK_THROWS_WITH(ConvolutionPlanner(device.target(), wrong, max_workspace),
                    Catch::Matchers::Contains("cuDNN: "));
  Convolution mixed = make(cases[1], Pass::forward, Precision::fp32, Layout::contiguous);
  mixed.filter.dtype = DType::bf16;
  ConvolutionPlans plans(device.target(), max_workspace);
  CHECK(plans.find(mixed) == nullptr);
  CHECK(plans.find(mixed) == nullptr);
  CHECK(plans.size() == 1);
}
