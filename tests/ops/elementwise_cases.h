// What the element-wise operations share: shapes, and the checks of sums and products of two operands.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "tests/ops/cases.h"
#include "tests/ops/operation.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/elementwise.h"
#include "tests/reference/gradient_check.h"

namespace xr::tests {

/// The large one goes to backends that are fast enough.
[[nodiscard]] inline std::vector<Shape> elementwise_shapes() {
  std::vector<Shape> shapes = activations_and_flat_arrays();
  shapes.emplace_back();
  shapes.push_back({2, 3, 4, 5, 6});
  shapes.push_back({large_activation.numel() + 1});
  return shapes;
}
[[nodiscard]] inline bool takes_shape(const Backend& backend, const Shape& shape) {
  return shape.numel() <= large_activation.numel() || is_fast_enough(backend, shape.numel());
}

/// An operation on two operands that broadcast.
struct BinaryOperation {
  const char* name;
  Tensor (*oracle)(const Tensor&, const Tensor&);
  Call (*call)(const Shape& a, const Shape& b, DType dtype, Layout layout);
};

inline void check_binary(const Checker& check, const BinaryOperation& operation, Backend& backend,
                         const Tensor& a, const Tensor& b, Layout layout, DType dtype) {
  check(backend, operation.call(a.shape, b.shape, dtype, layout)
                     .holds("a", a)
                     .holds("b", b)
                     .expects("y", {operation.oracle(a, b)}));
}

[[nodiscard]] inline Suite<Checker> equal_shapes(const BinaryOperation& operation) {
  const auto run = [operation](const Checker& check, const ShapeCase& c) {
    for (const DType dtype : test_types())
      for (Backend* backend : test_backends(dtype)) {
        if (!takes_shape(*backend, c.shape)) continue;
        const Tensor a = with_bf16_nan(to_type(reference::random_normal(c.shape, 1), dtype), dtype),
                     b = to_type(reference::random_normal(c.shape, 2), dtype);
        for (const Layout layout : layouts_of(*backend, c.shape))
          check_binary(check, operation, *backend, a, b, layout, dtype);
      }
  };
  return checks_of(std::string(operation.name) + " of equal shapes", named(elementwise_shapes()), run);
}

[[nodiscard]] inline Suite<Checker> broadcasting(const BinaryOperation& operation) {
  const auto run = [operation](const Checker& check, const BroadcastCase& c) {
    for (const DType dtype : test_types()) {
      const Tensor a = with_bf16_nan(to_type(reference::random_normal(c.a, 1), dtype), dtype),
                   b = to_type(reference::random_normal(c.b, 2), dtype);
      for (Backend* backend : test_backends(dtype)) {
        check_binary(check, operation, *backend, a, b, Layout::contiguous, dtype);
        check_binary(check, operation, *backend, b, a, Layout::contiguous, dtype);
      }
    }
  };
  return checks_of(std::string(operation.name) + " with broadcasting", broadcast_cases(), run);
}

/// The same through the engine.
struct BinaryGradients {
  const char* name;
  engine::Tensor (*engine)(const engine::Tensor&, const engine::Tensor&);
  VariablePointer (*oracle)(Tape&, const VariablePointer&, const VariablePointer&);

  [[nodiscard]] GradientCase test() const {
    GradientCase result;
    result.operation = name;
    result.engine = [compute = engine](EngineTensors in) { return compute(in[0], in[1]); };
    result.oracle = [compute = oracle](Tape& tape, Variables in) { return compute(tape, in[0], in[1]); };
    result.arithmetic = Arithmetic::sums;
    return result;
  }
};

[[nodiscard]] inline Suite<GradientSink> broadcasting_gradients(const BinaryGradients& operation) {
  const auto run = [operation](const GradientSink& check, const BroadcastCase& c) {
    // The gradient of what was broadcast is a sum, whose terms are those of a random walk.
    const double terms = std::sqrt(static_cast<double>(reference::broadcast_shape(c.a, c.b).numel()));
    GradientCase test = operation.test();
    test.operands = {activation("a", reference::random_normal(c.a, 1), Layout::contiguous, terms),
                     activation("b", reference::random_normal(c.b, 2), Layout::contiguous, terms)};
    check(test);
  };
  return gradients_of(std::string("gradcheck ") + operation.name + " with broadcasting", broadcast_cases(),
                      run);
}

[[nodiscard]] inline Suite<GradientSink> two_layouts_gradients(const BinaryGradients& operation) {
  const auto run = [operation](const GradientSink& check, const ShapeCase& c) {
    for (const Layout a : layouts_of(c.shape))
      for (const Layout b : layouts_of(c.shape)) {
        GradientCase test = operation.test();
        test.operands = {activation("a", reference::random_normal(c.shape, 1), a),
                         activation("b", reference::random_normal(c.shape, 2), b)};
        check(test);
      }
  };
  return gradients_of(std::string("gradcheck ") + operation.name + " of two layouts", named({{2, 32, 5, 3}}),
                      run);
}

}  // namespace xr::tests
