#include "kernels/common/kernel_choice.h"

#include <catch2/catch.hpp>

#include "kernels/common/notes.h"

using namespace xr;
using namespace xr::kernels;
using Catch::Matchers::Contains;

namespace {

/// Libraries that have nothing, and remember what they were told.
class NoLibraries final : public cudnn::Operations {
 public:
  NoLibraries(Precision& told, int& plan) : told_(told), plan_(plan) {}

  std::string version() const override { return "version 0"; }
  void set_precision(Precision precision) override { told_ = precision; }
  void set_convolution_plan(int index) override { plan_ = index; }
#define XR_RUN(Call)                     \
  cudnn::Ran run(const Call&) override { \
    return {};                           \
  }
  XR_FOR_EACH_LIBRARY_CALL(XR_RUN)
#undef XR_RUN

 private:
  Precision& told_;
  int& plan_;
};

/// A chooser, how often it opened the libraries, and the notes meanwhile.
struct Fixture {
  bool present = true;
  int opened = 0, plan = 0;
  Precision precision = Precision::fp32;
  std::vector<std::string> info, debug;
  KernelChooser chooser{[this]() -> std::unique_ptr<cudnn::Operations> {
    ++opened;
    if (!present) throw Error("cuDNN is not available");
    return std::make_unique<NoLibraries>(precision, plan);
  }};

  Fixture() {
    set_note_sink([this](NoteLevel level, const std::string& text) {
      (level == NoteLevel::info ? info : debug).push_back(text);
    });
  }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;
  ~Fixture() { set_note_sink({}); }
};

constexpr const char* conv = "conv2d_forward";

}  // namespace

TEST_CASE("own kernels run what they are made for and the libraries stay closed") {
  Fixture f;
  CHECK(f.chooser.libraries_for(conv, true) == nullptr);
  f.chooser.configure({.kernels = KernelChoice::custom});
  CHECK(f.chooser.libraries_for(conv, true) == nullptr);
  CHECK(f.chooser.libraries_for(conv, false) == nullptr);
  f.chooser.configure({.variant = "direct"});
  CHECK(f.chooser.libraries_for(conv, false) == nullptr);
  CHECK(f.opened == 0);
}

TEST_CASE("what no fast kernel fits goes to cuDNN and is said once") {
  Fixture f;
  for (int call = 0; call < 3; ++call) {
    CHECK(f.chooser.libraries_for(conv, false) != nullptr);
    f.chooser.remember(conv, {Library::cudnn, "cudnn conv2d_forward, engine 1"});
  }
  CHECK(f.opened == 1);
  REQUIRE(f.info.size() == 1);
  CHECK_THAT(f.info[0], Contains("conv2d_forward falls back to cuDNN"));
  REQUIRE(f.debug.size() == 2);
  CHECK(f.debug[0] == "version 0");
  CHECK(f.debug[1] == "conv2d_forward runs cudnn conv2d_forward, engine 1");
  f.chooser.remember(conv, {Library::cudnn, "cudnn conv2d_forward, engine 2"});
  CHECK(f.info.size() == 1);
  CHECK(f.debug.size() == 3);
  f.chooser.remember("matmul", {Library::cublas, "cublas matmul"});
  REQUIRE(f.info.size() == 2);
  CHECK_THAT(f.info[1], Contains("matmul falls back to cuBLAS"));
}

TEST_CASE("without cuDNN automatic goes on with own kernels and says so once") {
  Fixture f;
  f.present = false;
  for (int call = 0; call < 3; ++call) CHECK(f.chooser.libraries_for(conv, false) == nullptr);
  CHECK(f.opened == 1);
  REQUIRE(f.info.size() == 1);
  CHECK_THAT(f.info[0],
             Contains("conv2d_forward: a hand-written kernel runs that is not made for such operands") &&
                 Contains("cuDNN is not available"));
}

TEST_CASE("choosing cudnn without it is an error that changes nothing") {
  Fixture f;
  f.present = false;
  CHECK_THROWS_WITH(f.chooser.configure({.precision = Precision::bf16, .kernels = KernelChoice::cudnn}),
                    Contains("cuDNN is not available"));
  CHECK(f.chooser.choice() == KernelChoice::automatic);
}

TEST_CASE("a variant chooses one of cuDNN's plans and others leave the usual one") {
  Fixture f;
  const auto plan_of = [&](const char* variant) {
    f.chooser.configure({.kernels = KernelChoice::cudnn, .variant = variant});
    return f.plan;
  };
  CHECK(plan_of("cudnn_plan_3") == 3);
  CHECK(plan_of("direct") == 0);
  CHECK(plan_of("cudnn_plan_7") == 7);
  CHECK(plan_of("") == 0);
  for (const char* wrong : {"cudnn_plan_8", "cudnn_plan_", "cudnn_plan_-1", "cudnn_plan_1x"})
    CHECK_THROWS_WITH(plan_of(wrong), Contains(wrong) && Contains("cudnn_plan_7"));
  CHECK(f.plan == 0);
  f.chooser.configure({.kernels = KernelChoice::cudnn, .variant = "cudnn_plan_2"});
  f.chooser.remember(conv, {});  // there are not so many: no word to the user
  CHECK(f.info.empty());
}

TEST_CASE("choosing cudnn asks it for everything and says what it has not") {
  Fixture f;
  f.chooser.configure({.precision = Precision::tf32, .kernels = KernelChoice::cudnn});
  CHECK(f.precision == Precision::tf32);
  CHECK(f.chooser.libraries_for(conv, true) != nullptr);
  CHECK(f.chooser.libraries_for(conv, false) != nullptr);
  f.chooser.remember(conv, {});
  f.chooser.remember(conv, {});
  REQUIRE(f.info.size() == 1);
  CHECK_THAT(f.info[0], Contains("conv2d_forward runs hand-written kernels"));
  f.chooser.configure({.precision = Precision::bf16});
  CHECK(f.precision == Precision::bf16);
  CHECK(f.chooser.libraries_for(conv, true) == nullptr);
  CHECK(f.opened == 1);
}
