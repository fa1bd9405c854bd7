// What relu and relu6 share: calls, shapes, checks. Their gradient is told from y.
#pragma once

#include <vector>

#include "tests/ops/cases.h"
#include "tests/ops/operation.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/gradient_check.h"

namespace xr::tests {

template <class Forward, class Backward>
struct Activation {
  Tensor (*forward_of)(const Tensor& x);
  Tensor (*backward_of)(const Tensor& y, const Tensor& dy);
  std::vector<float> special_values;  ///< among the normal numbers of x
  double scale = 1;                   ///< of the normal numbers

  [[nodiscard]] static Call forward(const Shape& shape, DType dtype, Layout layout) {
    return call_of({input("x", shape, dtype, layout), output("y", shape, dtype, layout)},
                   [](Views v) { return Forward{.x = v[0], .y = v[1]}; });
  }
  [[nodiscard]] static Call forward_in_place(const Shape& shape, DType dtype, Layout layout) {
    return call_of({state("y", shape, dtype, layout)}, [](Views v) { return Forward{.x = v[0], .y = v[0]}; })
        .with("in place");
  }
  [[nodiscard]] static Call backward(const Shape& shape, DType dtype, Layout layout) {
    return call_of({input("y", shape, dtype, layout), input("dy", shape, dtype, layout),
                    output("dx", shape, dtype, layout)},
                   [](Views v, GradientWrite write) {
                     return Backward{.y = v[0], .dy = v[1], .dx = v[2], .write = write};
                   });
  }

  [[nodiscard]] Tensor numbers(const Shape& shape, DType dtype) const {
    Tensor x = reference::random_normal(shape, 1);
    for (double& value : x.values) value *= scale;
    std::size_t which = 0;
    for (std::int64_t i = 3; i < x.size(); i += 5)
      x[i] = static_cast<double>(special_values[which++ % special_values.size()]);
    return to_type(x, dtype);
  }

  void check_both(const Checker& check, const ShapeCase& c) const {
    for (const DType dtype : test_types()) {
      const Tensor x = numbers(c.shape, dtype),
                   dy = with_bf16_nan(to_type(reference::random_normal(c.shape, 2), dtype), dtype);
      const Tensor y = forward_of(x), dx = backward_of(y, dy);
      for (Backend* backend : test_backends(dtype)) {
        // Once is enough to see a loop over more elements than there are threads.
        if (dtype != DType::f32 && !is_fast_enough(*backend, c.shape.numel())) continue;
        for (const Layout layout : layouts_of(*backend, c.shape)) {
          check(*backend, forward(c.shape, dtype, layout).holds("x", x).expects("y", {y}));
          check(*backend, backward(c.shape, dtype, layout).holds("y", y).holds("dy", dy).expects("dx", {dx}));
        }
      }
    }
  }

  void check_in_place(const Checker& check, const ShapeCase& c) const {
    for (const DType dtype : test_types()) {
      const Tensor x = numbers(c.shape, dtype), y = forward_of(x);
      for (Backend* backend : test_backends(dtype)) {
        if (!is_fast_enough(*backend, c.shape.numel())) continue;
        for (const Layout layout : layouts_of(*backend, c.shape))
          check(*backend, forward_in_place(c.shape, dtype, layout).holds("y", x).expects("y", {y}));
      }
    }
  }

  [[nodiscard]] std::vector<Suite<Checker>> checks(const std::string& name) const {
    std::vector<Shape> shapes = activations_and_flat_arrays();
    shapes.push_back({60, 600});
    shapes.push_back({large_activation.numel() + 1});
    return {checks_of(name + " forward and backward", named(shapes),
                      [*this](const Checker& check, const ShapeCase& c) { check_both(check, c); }),
            checks_of(name + " forward in place", named(shapes),
                      [*this](const Checker& check, const ShapeCase& c) { check_in_place(check, c); })};
  }

  static void add_benchmarks(Benchmarks& list) {
    const DType dtype = list.setting.activation;
    for (const BatchNorm2dLayer& layer : list.layers.norms) {
      list.add(layer.name, forward(layer.x, dtype, list.layout_of(layer.x)));
      list.add(layer.name, backward(layer.x, dtype, list.layout_of(layer.x)));
    }
  }
};

}  // namespace xr::tests
