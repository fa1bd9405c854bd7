// Which backends are tested, and what each of them takes.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/backend.h"

namespace xr::tests {

using kernels::Backend;
using kernels::DType;
using kernels::Layout;
using kernels::Shape;

/// The backends to test: those named in the environment variable XR_TEST_BACKENDS (comma separated; each must
/// exist), or else all of cpu, simt and cuda that can be created; the others are named in a warning. They
/// have their default_options (configured.h).
[[nodiscard]] const std::vector<Backend*>& test_backends();

/// Element types of activations that some backend under test takes, and the backends that take one.
[[nodiscard]] std::vector<DType> test_types();
[[nodiscard]] std::vector<Backend*> test_backends(DType dtype);

[[nodiscard]] bool is_cpu(const Backend& backend);

/// Layouts that a tensor of this shape may have, on any backend or on this one.
[[nodiscard]] std::vector<Layout> layouts_of(const Shape& shape);
[[nodiscard]] std::vector<Layout> layouts_of(const Backend& backend, const Shape& shape);

/// Whether a backend is fast enough for operations on so many elements: the executor runs one thread after
/// another.
[[nodiscard]] bool is_fast_enough(const Backend& backend, std::int64_t elements);

}  // namespace xr::tests
