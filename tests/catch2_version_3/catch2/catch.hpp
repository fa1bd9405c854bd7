// Catch2 3 under the names of Catch2 2, in which the tests are written: its header's name, and what is called otherwise.
// Only where Catch2 3 is installed is this folder among those that are searched.
// The header of Matchers::Contains in version 3, which looks for an element of a range, is not included.
#pragma once

#include <catch2/catch_approx.hpp>
#include <catch2/catch_session.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/catch_tostring.hpp>
#include <catch2/catch_version_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_adapters.hpp>
#include <catch2/generators/catch_generators_range.hpp>
#include <catch2/matchers/catch_matchers.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <catch2/reporters/catch_reporter_event_listener.hpp>
#include <catch2/reporters/catch_reporter_registrars.hpp>
#include <string>

namespace Catch {

namespace clara = Clara;
class TestEventListenerBase : public EventListenerBase {
 public:
  using EventListenerBase::EventListenerBase;
};

namespace Matchers {

/// Matches a text with this part.
inline StringContainsMatcher Contains(const std::string& part) {
  return ContainsSubstring(part);
}

}  // namespace Matchers

using Matchers::Contains;
using Matchers::Equals;

}  // namespace Catch

using Catch::Approx;
