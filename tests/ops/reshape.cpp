// Reshape and flatten: nothing but gradients, for no backend computes anything.
#include "engine/ops/reshape.h"

#include "tests/ops/cases.h"
#include "tests/ops/operation.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/gradient_check.h"

namespace xr::tests {

namespace {

void check_gradients(const GradientSink& check, const ShapeCase& c) {
  const std::int64_t elements = c.shape.numel();
  for (const Layout layout : layouts_of(c.shape)) {
    GradientCase test;
    test.operands = {activation("x", reference::random_distinct(c.shape, 1), layout)};
    test.operation = "flatten";
    test.engine = [](EngineTensors in) { return engine::flatten(in[0]); };
    test.oracle = [&](Tape& tape, Variables in) {
      return tape.reshape(in[0], {c.shape[0], elements / c.shape[0]});
    };
    check(test);
    test.operation = "reshape";
    test.engine = [](EngineTensors in) { return engine::reshape(in[0], {-1, in[0].dim(3)}); };
    test.oracle = [&](Tape& tape, Variables in) {
      return tape.reshape(in[0], {elements / c.shape[3], c.shape[3]});
    };
    check(test);
  }
}

}  // namespace

Operation describe_reshape() {
  return {.name = "reshape",
          .gradients = {
              gradients_of("gradcheck reshape and flatten", named(activation_shapes()), check_gradients)}};
}

}  // namespace xr::tests
