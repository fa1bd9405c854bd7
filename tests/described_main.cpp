#define CATCH_CONFIG_RUNNER  // NOLINT(readability-identifier-naming): Catch2 names it
#include "tests/described_main.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "kernels/common/error.h"

namespace xr::tests {

namespace {

class Invoker final : public Catch::ITestInvoker {
 public:
  explicit Invoker(std::function<void()> run) : run_(std::move(run)) {}
  void invoke() const override { run_(); }

 private:
  std::function<void()> run_;
};

// As Catch2 2 and 3 take over what runs a test.
auto owned_by_catch(Catch::ITestInvoker* invoker) {
#if CATCH_VERSION_MAJOR >= 3
  return Catch::Detail::unique_ptr<Catch::ITestInvoker>(invoker);
#else
  return invoker;
#endif
}

std::string& selection() {
  static std::string selected = [] {
    const char* value = std::getenv("XR_CASE");
    return std::string(value == nullptr ? "" : value);
  }();
  return selected;
}

Share& share() {
  static Share selected;
  return selected;
}

bool exists(const std::string& selected) {
  const std::vector<std::string> names = case_names();
  return std::ranges::any_of(
      names, [&](const std::string& name) { return name == selected || name.starts_with(selected + "/"); });
}

}  // namespace

void add_test(const std::string& title, const std::string& operation, std::function<void()> run) {
  const std::string tag = "[" + operation + "]";
  const Catch::AutoReg registered(owned_by_catch(new Invoker(std::move(run))), CATCH_INTERNAL_LINEINFO,
                                  Catch::StringRef(), Catch::NameAndTags{title, tag});
}

const std::string& selected_case() {
  return selection();
}

const Share& selected_share() {
  return share();
}

}  // namespace xr::tests

int main(int argc, char** argv) {
  using namespace xr::tests;
  Catch::Session session;
  bool list = false;
  const char* const share_of_environment = std::getenv("XR_TEST_SHARE");
  std::string share_text = share_of_environment == nullptr ? "0/1" : share_of_environment;
  session.cli(session.cli() |
              Catch::clara::Opt(selection(), "operation/case")["--case"](
                  "only this case, or the cases of this operation (also XR_CASE)") |
              Catch::clara::Opt(share_text, "index/count")["--share"](
                  "only this share of each suite's cases: 0/8 to 7/8 for eight runs (also XR_TEST_SHARE)") |
              Catch::clara::Opt(list)["--list-cases"]("list the names of all cases"));
  add_described_tests();
  if (const int status = session.applyCommandLine(argc, argv); status != 0) return status;
  try {
    share() = parse_share(share_text);
  } catch (const xr::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  if (list) {
    for (const std::string& name : case_names()) std::puts(name.c_str());
    return 0;
  }
  const std::string& selected = selected_case();
  if (!selected.empty()) {
    if (!exists(selected)) {
      std::fprintf(stderr, "no case is called '%s': see --list-cases\n", selected.c_str());
      return 2;
    }
    if (session.configData().testsOrTags.empty())
      session.configData().testsOrTags.push_back("[" + selected.substr(0, selected.find('/')) + "]");
  }
  return session.run();
}
