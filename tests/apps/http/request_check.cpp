#include "apps/http/request_check.h"

#include <catch2/catch.hpp>

namespace xr::http::test {

TEST_CASE("a Host header is a name or an address with an optional port") {
  CHECK(host_name("127.0.0.1:8520") == "127.0.0.1");
  CHECK(host_name("LocalHost") == "localhost");
  CHECK(host_name("[::1]:8520") == "::1");
  for (const char* wrong : {"", ":80", "[::1", "[x]:80", "[::1]x", "a:b", "a:1:2", "a:", "a:123456"})
    CHECK(host_name(wrong).empty());
}

TEST_CASE("a server on the loopback address answers to its names alone") {
  for (const char* own : {"127.0.0.1:8520", "localhost:9000", "LOCALHOST", "[::1]:8520", "127.1.2.3"})
    CHECK(is_host_allowed(own, "127.0.0.1"));
  for (const char* other : {"evil.example:8520", "127.0.0.1.evil.example", "localhost.evil.example",
                            "192.168.1.5:8520", "", "0.0.0.0"})
    CHECK(!is_host_allowed(other, "127.0.0.1"));
}

TEST_CASE("a server on another address answers to addresses in numbers and to its name") {
  for (const char* own : {"192.168.1.5:8520", "[fe80::1]:8520", "localhost", "workstation:8520"})
    CHECK(is_host_allowed(own, "workstation"));
  CHECK(is_host_allowed("10.0.0.1", "0.0.0.0"));
  for (const char* other : {"evil.example:8520", "workstation.evil.example", ""})
    CHECK(!is_host_allowed(other, "workstation"));
}

TEST_CASE("a request of another site is told by what the browser says of it") {
  const char* const host = "127.0.0.1:8520";
  CHECK(is_own_site(host, "", ""));
  CHECK(is_own_site(host, "none", ""));
  CHECK(is_own_site(host, "same-origin", "http://127.0.0.1:8520"));
  for (const char* site : {"cross-site", "same-site", "anything"}) CHECK(!is_own_site(host, site, ""));
  for (const char* origin : {"null", "http://evil.example", "http://127.0.0.1:8521", "http://127.0.0.1",
                             "https://127.0.0.1:8520", "http://127.0.0.1:8520.evil.example"})
    CHECK(!is_own_site(host, "", origin));
}

}  // namespace xr::http::test
