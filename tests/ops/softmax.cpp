// Probabilities of the classes of each row.
#include "kernels/ops/softmax.h"

#include "engine/ops/softmax.h"
#include "tests/ops/operation.h"
#include "tests/ops/rows_cases.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/softmax.h"

namespace xr::tests {

namespace {

using reference::random_normal;

Call softmax_forward(const Shape& rows, DType dtype) {
  return call_of({input("x", rows, dtype), output("y", rows, dtype)},
                 [](Views v) { return kernels::SoftmaxForward{.x = v[0], .y = v[1]}; });
}

Call softmax_backward(const Shape& rows, DType dtype) {
  return call_of({input("y", rows, dtype), input("dy", rows, dtype), output("dx", rows, dtype)},
                 [](Views v, GradientWrite write) {
                   return kernels::SoftmaxBackward{.y = v[0], .dy = v[1], .dx = v[2], .write = write};
                 });
}

void check_both(const Checker& check, const RowsCase& c) {
  for (const DType dtype : test_types()) {
    const Tensor x = spiked_logits(c, 1, dtype), dy = to_type(random_normal(c.shape(), 2), dtype);
    const Expected expected{reference::softmax_forward(x), dtype, Arithmetic::transcendental};
    const Tensor y = to_type(expected.values, dtype);
    const Expected dx =
        gradient_of_rows(reference::softmax_backward(y, dy), dtype, c, reference::root_mean_square(y));
    for (Backend* backend : test_backends(dtype)) {
      check(*backend, softmax_forward(c.shape(), dtype).holds("x", x).expects("y", expected));
      check(*backend, softmax_backward(c.shape(), dtype).holds("y", y).holds("dy", dy).expects("dx", dx));
    }
  }
}

void check_large(const Checker& check, const LogitsCase& /*one*/) {
  const Tensor x = large_logits();
  for (Backend* backend : test_backends())
    check(*backend,
          softmax_forward(x.shape, DType::f32)
              .holds("x", x)
              .expects("y", {reference::softmax_forward(x), DType::f32, Arithmetic::transcendental}));
}

void check_minus_infinity(const Checker& check, const LogitsCase& /*one*/) {
  const RuledOutClasses classes;
  for (Backend* backend : test_backends())
    check(*backend, softmax_forward(classes.x.shape, DType::f32)
                        .holds("x", classes.x)
                        .expects("y", {classes.y, DType::f32, Arithmetic::transcendental, 1, 1}));
}

void check_gradients(const GradientSink& check, const RowsCase& c) {
  GradientCase test;
  test.operation = "softmax";
  test.operands = {activation("x", gradient_logits(c), Layout::contiguous, gradient_terms(c))};
  test.engine = [](EngineTensors in) { return engine::softmax(in[0]); };
  test.oracle = [](Tape& tape, Variables in) { return tape.softmax(in[0]); };
  test.arithmetic = Arithmetic::transcendental;
  check(test);
}

void add_benchmarks(Benchmarks& list) {
  const Shape rows{64 * list.setting.batch, list.setting.matrix / 2};
  list.add("long_rows", softmax_forward(rows, list.setting.activation));
  list.add("long_rows", softmax_backward(rows, list.setting.activation));
}

}  // namespace

Operation describe_softmax() {
  return {.name = "softmax",
          .checks = {checks_of("softmax forward and backward", rows_cases(), check_both),
                     checks_of("softmax of logits far from zero", std::vector{LogitsCase{"large_logits"}},
                               check_large),
                     checks_of("softmax of logits of minus infinity",
                               std::vector{LogitsCase{"minus_infinity"}}, check_minus_infinity)},
          .gradients = {gradients_of("gradcheck softmax", rows_cases(), check_gradients)},
          .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
