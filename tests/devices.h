// Which devices a test can run on.
#pragma once

#include <catch2/catch.hpp>
#include <initializer_list>
#include <vector>

#include "kernels/registry.h"

namespace xr::tests {

/// Of these ("cpu", "simt", "cuda") all that this binary and this machine have; the others are named in a
/// warning.
inline std::vector<kernels::Device> devices_there(std::initializer_list<const char*> names) {
  std::vector<kernels::Device> found;
  for (const char* name : names) {
    try {
      const kernels::Device device = kernels::Device::parse(name);
      (void)kernels::backend(device);
      found.push_back(device);
    } catch (const Error& error) {
      WARN("not tested on " << name << ": " << error.what());
    }
  }
  return found;
}

}  // namespace xr::tests
