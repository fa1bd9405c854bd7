// y = x where x > 0, else slope x; NaN stays NaN.
#include "engine/ops/leaky_relu.h"

#include <limits>

#include "tests/ops/cases.h"
#include "tests/ops/operation.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/gradient_check.h"

namespace xr::tests {

namespace {

using kernels::LeakyReluParams;
using reference::random_distinct;
using reference::random_normal;

/// PyTorch's default, one that grows, one that folds, and relu.
constexpr float slopes[] = {0.01f, 1.5f, -0.25f, 0.0f};

struct SlopeCase {
  std::string name;
  Shape shape;
  LeakyReluParams params;
};

std::vector<SlopeCase> all_cases() {
  std::vector<SlopeCase> cases;
  for (const ShapeCase& c : named(activations_and_flat_arrays()))
    cases.push_back({c.name, c.shape, {slopes[cases.size() % 4]}});
  cases.push_back({"more_elements_than_threads", {large_activation.numel() + 1}, {}});
  return cases;
}

Tensor oracle_forward(const LeakyReluParams& params, const Tensor& x) {
  Tensor y = x;
  for (double& value : y.values)
    value = value > 0 ? value : static_cast<double>(params.negative_slope) * value;
  return y;
}

Tensor oracle_backward(const LeakyReluParams& params, const Tensor& x, const Tensor& dy) {
  Tensor dx = dy;
  for (std::int64_t i = 0; i < x.size(); ++i)
    if (!(x[i] > 0)) dx[i] *= static_cast<double>(params.negative_slope);
  return dx;
}

Call forward(const SlopeCase& c, DType dtype, Layout layout) {
  return call_of({input("x", c.shape, dtype, layout), output("y", c.shape, dtype, layout)},
                 [params = c.params](Views v) {
                   return kernels::LeakyReluForward{.x = v[0], .y = v[1], .params = params};
                 });
}

Call forward_in_place(const SlopeCase& c, DType dtype, Layout layout) {
  return call_of({state("y", c.shape, dtype, layout)},
                 [params = c.params](Views v) {
                   return kernels::LeakyReluForward{.x = v[0], .y = v[0], .params = params};
                 })
      .with("in place");
}

Call backward(const SlopeCase& c, DType dtype, Layout layout) {
  return call_of({input("x", c.shape, dtype, layout), input("dy", c.shape, dtype, layout),
                  output("dx", c.shape, dtype, layout)},
                 [params = c.params](Views v, GradientWrite write) {
                   return kernels::LeakyReluBackward{
                       .x = v[0], .dy = v[1], .dx = v[2], .params = params, .write = write};
                 });
}

/// Normal numbers with zeros, NaN and infinities among them.
Tensor with_special_values(const Shape& shape, DType dtype) {
  using Limits = std::numeric_limits<double>;
  const double special[] = {0, -0.0, Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity()};
  Tensor x = random_normal(shape, 1);
  for (std::int64_t i = 3, which = 0; i < x.size(); i += 5, ++which) x[i] = special[which % 5];
  return to_type(x, dtype);
}

void check_all(const Checker& check, const SlopeCase& c) {
  for (const DType dtype : test_types()) {
    const Tensor x = with_special_values(c.shape, dtype),
                 dy = with_bf16_nan(to_type(random_normal(c.shape, 2), dtype), dtype);
    const Tensor y = oracle_forward(c.params, x), dx = oracle_backward(c.params, x, dy);
    for (Backend* backend : test_backends(dtype)) {
      if (!is_fast_enough(*backend, c.shape.numel())) continue;
      for (const Layout layout : layouts_of(*backend, c.shape)) {
        check(*backend, forward(c, dtype, layout).holds("x", x).expects("y", {y}));
        check(*backend, forward_in_place(c, dtype, layout).holds("y", x).expects("y", {y}));
        // A product that is added to what was there: two roundings.
        check(*backend, backward(c, dtype, layout)
                            .holds("x", x)
                            .holds("dy", dy)
                            .expects("dx", {dx, dtype, Arithmetic::elementwise}));
      }
    }
  }
}

/// What PyTorch 2.15 gives for F.leaky_relu(x, 0.1) in float32, and for its gradient.
void check_golden(const Checker& check, const SlopeCase& c) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const Tensor x = to_type({c.shape, {-3, -0.5, -0.0, 0, 1e-3, 2.5, infinity, -infinity}}, DType::f32);
  const Tensor y(c.shape, {-0.30000001192092896, -0.05000000074505806, -0.0, 0, 0.0010000000474974513, 2.5,
                           infinity, -infinity});
  const Tensor dy(c.shape, {1, -2, 3, -4, 5, -6, 7, 8});
  const Tensor dx(c.shape, {0.10000000149011612, -0.20000000298023224, 0.30000001192092896,
                            -0.4000000059604645, 5, -6, 7, 0.800000011920929});
  for (Backend* backend : test_backends()) {
    check(*backend, forward(c, DType::f32, Layout::contiguous).holds("x", x).expects("y", {y}));
    check(*backend,
          backward(c, DType::f32, Layout::contiguous).holds("x", x).holds("dy", dy).expects("dx", {dx}));
  }
}

void check_gradients(const GradientSink& check, const ShapeCase& c) {
  for (const Layout layout : layouts_of(c.shape)) {
    const LeakyReluParams params{0.25f};
    GradientCase test;
    test.operation = "leaky_relu";
    test.operands = {activation("x", random_distinct(c.shape, 1), layout)};
    test.engine = [params](EngineTensors in) { return engine::leaky_relu(in[0], params); };
    // relu(x) - slope relu(-x)
    test.oracle = [slope = static_cast<double>(params.negative_slope)](Tape& tape, Variables in) {
      return tape.add(tape.relu(in[0]), tape.scale(tape.relu(tape.scale(in[0], -1)), -slope));
    };
    check(test);
  }
}

void add_benchmarks(Benchmarks& list) {
  const DType dtype = list.setting.activation;
  for (const BatchNorm2dLayer& layer : list.layers.norms) {
    const SlopeCase c{layer.name, layer.x, {}};
    list.add(layer.name, forward(c, dtype, list.layout_of(layer.x)));
    list.add(layer.name, backward(c, dtype, list.layout_of(layer.x)));
  }
}

}  // namespace

Operation describe_leaky_relu() {
  return {.name = "leaky_relu",
          .checks = {checks_of("leaky_relu forward and backward", all_cases(), check_all),
                     checks_of("leaky_relu as in PyTorch", std::vector<SlopeCase>{{"pytorch", {8}, {0.1f}}},
                               check_golden)},
          .gradients = {gradients_of("gradcheck leaky_relu", named(activation_shapes()), check_gradients)},
          .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
