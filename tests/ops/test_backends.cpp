#include "tests/ops/test_backends.h"

#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "kernels/registry.h"
#include "tests/ops/configured.h"

namespace xr::tests {

namespace {

Backend& configured_backend(const std::string& name) {
  Backend& backend = kernels::backend(kernels::Device::parse(name));
  backend.configure(default_options(backend));
  return backend;
}

std::vector<Backend*> find_backends() {
  std::vector<Backend*> found;
  if (const char* names = std::getenv("XR_TEST_BACKENDS"); names != nullptr && *names != '\0') {
    std::istringstream list(names);
    for (std::string name; std::getline(list, name, ',');) found.push_back(&configured_backend(name));
    return found;
  }
  for (const char* name : {"cpu", "simt", "cuda"}) try {
      found.push_back(&configured_backend(name));
    } catch (const Error& error) {
      std::fputs(fmt::format("not tested: {}: {}\n", name, error.what()).c_str(), stderr);
    }
  return found;
}

}  // namespace

const std::vector<Backend*>& test_backends() {
  static const std::vector<Backend*> found = find_backends();
  XR_CHECK(!found.empty(), "no backend to test: build one, or name one in XR_TEST_BACKENDS");
  return found;
}

bool is_cpu(const Backend& backend) {
  return backend.name() == "cpu";
}

std::vector<DType> test_types() {
  if (test_backends(DType::bf16).empty()) return {DType::f32};
  return {DType::f32, DType::bf16};
}

std::vector<Backend*> test_backends(DType dtype) {
  std::vector<Backend*> found = test_backends();
  if (dtype == DType::bf16)
    std::erase_if(found, [](const Backend* backend) { return !backend->has_precision(Precision::bf16); });
  return found;
}

bool is_fast_enough(const Backend& backend, std::int64_t elements) {
#if defined(XR_SANITIZED)
  constexpr std::int64_t most = 40000;
#else
  constexpr std::int64_t most = 400000;
#endif
  return backend.name() != "simt" || elements <= most;
}

std::vector<Layout> layouts_of(const Backend& backend, const Shape& shape) {
  std::vector<Layout> layouts = layouts_of(shape);
  if (!is_cpu(backend)) std::erase(layouts, Layout::blocked16);
  return layouts;
}

std::vector<Layout> layouts_of(const Shape& shape) {
  if (shape.rank() != 4) return {Layout::contiguous};
  if (shape[1] % 16 != 0) return {Layout::contiguous, Layout::channels_last};
  return {Layout::contiguous, Layout::channels_last, Layout::blocked16};
}

}  // namespace xr::tests
