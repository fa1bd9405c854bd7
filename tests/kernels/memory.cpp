#include <catch2/catch.hpp>
#include <cstring>

#include "tests/ops/test_backends.h"

using namespace xr;
using namespace xr::tests;

TEST_CASE("every backend names and describes itself") {
  for (Backend* backend : test_backends()) {
    CHECK_FALSE(backend->name().empty());
    CHECK_FALSE(backend->description().empty());
    CHECK(backend->description().find('\n') == std::string::npos);
    for (const std::int64_t channels : {1, 3, 15, 17, 100})
      CHECK(backend->preferred_layout(channels) != Layout::blocked16);
  }
}

TEST_CASE("device memory is aligned and keeps what is copied") {
  for (Backend* backend : test_backends())
    for (const std::size_t bytes : {1ul, 63ul, 64ul, 1000ul, 1ul << 20}) {
      std::vector<unsigned char> host(bytes), back(bytes, 0xAA);
      for (std::size_t i = 0; i < bytes; ++i) host[i] = static_cast<unsigned char>(i * 131 + 7);
      void* first = backend->allocate(bytes);
      void* second = backend->allocate(bytes);
      CHECK(reinterpret_cast<std::uintptr_t>(first) % 64 == 0);
      CHECK(reinterpret_cast<std::uintptr_t>(second) % 64 == 0);
      backend->copy_from_host(first, host.data(), bytes);
      backend->copy(second, first, bytes);
      backend->copy_to_host(back.data(), second, bytes);
      CHECK(back == host);
      backend->deallocate(first, bytes);
      backend->deallocate(second, bytes);
    }
}

TEST_CASE("device memory that does not exist is refused with its size") {
  for (Backend* backend : test_backends()) {
    const std::size_t bytes = std::size_t{1} << 60;
    CHECK_THROWS_AS(backend->allocate(bytes), Error);
    try {
      void* unexpected = backend->allocate(bytes);
      backend->deallocate(unexpected, bytes);
    } catch (const Error& error) {
      INFO(error.what());
      CHECK_FALSE(std::string(error.what()).find_first_of("0123456789") == std::string::npos);
    }
  }
}
