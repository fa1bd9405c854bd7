#include "apps/command_line/remedies.h"

#include <catch2/catch.hpp>

#include "apps/xrtrain/errors.h"
#include "kernels/common/error_codes.h"

using namespace xr;
using namespace xr::command_line;

TEST_CASE("an error with a code is printed with what to do about it") {
  CHECK(with_remedy(Error("plain")) == "plain");
  CHECK(with_remedy(Error(error_code::device_unavailable, "no GPU")) == "no GPU; use --device cpu");
  CHECK(remedy_for(error_code::out_of_memory).find("--batch-size") != std::string_view::npos);
  CHECK(remedy_for(error_code::out_of_memory_captured).find("--no-cuda-graph") != std::string_view::npos);
  CHECK(remedy_for(error_code::disk_full).find("--keep") != std::string_view::npos);
  CHECK(remedy_for(error_code::patients_unknown).find("--group-regex") != std::string_view::npos);
  CHECK(remedy_for(error_code::library_unavailable).find("--kernels custom") != std::string_view::npos);
}

TEST_CASE("an error keeps its code where the program gives it an exit status") {
  const auto fail = [] {
    errors_as<UsageError>([]() -> void { throw Error(error_code::precision_unsupported, "fp32 only"); });
  };
  try {
    fail();
    FAIL("no error");
  } catch (const UsageError& error) {
    CHECK(error.code() == error_code::precision_unsupported);
    CHECK(with_remedy(error) == "fp32 only; use --precision fp32");
  }
}
