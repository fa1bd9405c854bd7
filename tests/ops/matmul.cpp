// c = op(a) op(b), row-major, with every transposition.
#include "kernels/ops/matmul.h"

#include <fmt/core.h>

#include <cmath>

#include "engine/ops/matmul.h"
#include "tests/ops/operation.h"
#include "tests/ops/product_cases.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/gradient_check.h"
#include "tests/reference/matmul.h"

namespace xr::tests {

namespace {

using reference::random_normal;

struct Transposed {
  bool a = false, b = false;
};
constexpr Transposed transpositions[] = {{false, false}, {false, true}, {true, false}, {true, true}};

struct Types {
  DType a = DType::f32, b = DType::f32, c = DType::f32;
};

Call matmul(const MatmulCase& c, Transposed transposed, const Types& types) {
  const Shape a = transposed.a ? Shape{c.k, c.m} : Shape{c.m, c.k};
  const Shape b = transposed.b ? Shape{c.n, c.k} : Shape{c.k, c.n};
  Call call = call_of({input("a", a, types.a), input("b", b, types.b), output("c", {c.m, c.n}, types.c)},
                      [transposed](Views v, GradientWrite write) {
                        return kernels::Matmul{.a = v[0],
                                               .b = v[1],
                                               .c = v[2],
                                               .transpose_a = transposed.a,
                                               .transpose_b = transposed.b,
                                               .write = write};
                      });
  call.is_product = true;
  call.same_for_any_threads = false;
  if (transposed.a) call.detail = "a transposed";
  if (transposed.b) call.detail += call.detail.empty() ? "b transposed" : ", b transposed";
  return call;
}

void check_matmul(const Checker& check, const MatmulCase& c, Transposed transposed,
                  const ProductSetting& setting, const Backends& backends, bool nan = false) {
  Tensor a = setting.operand(transposed.a ? Shape{c.k, c.m} : Shape{c.m, c.k}, 1);
  if (nan) a[a.size() / 2] = std::nan("");
  const Tensor b = setting.operand(transposed.b ? Shape{c.n, c.k} : Shape{c.k, c.n}, 2);
  const Expected expected = setting.expected(reference::matmul(a, transposed.a, b, transposed.b), c.k);
  for (Backend* backend : backends)
    check(*backend, matmul(c, transposed, {setting.a, setting.b, setting.c})
                        .with(setting.describe())
                        .holds("a", a)
                        .holds("b", b)
                        .expects("c", expected));
}

void check_transpositions(const Checker& check, const MatmulCase& c) {
  for (const Transposed& transposed : transpositions) check_matmul(check, c, transposed, {}, test_backends());
}

void check_kernels(const Checker& check, const MatmulCase& c) {
  for (const ProductSetting& setting : product_settings())
    for (Backend* backend : backends_with(setting.options)) {
      const bool one_type = setting.a == setting.b;
      for (const Transposed& transposed : {Transposed{false, false}, {false, true}, {true, false}}) {
        const Configured configured(*backend, setting.options);
        check_matmul(check, c, transposed, setting, {backend});
        const bool aligned = !transposed.a || (one_type && c.m % 8 == 0);
        check.that(configured.ran(aligned ? c.kernel : "strided"),
                   fmt::format("{} {} ran {}", backend->name(), setting.describe(), configured.kernels()));
      }
    }
}

/// Results that end in the middle of a piece of 16 bytes, of every tile, order and mixture of types.
void check_partial_pieces(const Checker& check, const MatmulCase& c) {
  std::vector<ProductSetting> settings = product_settings();
  settings.push_back({{.precision = Precision::bf16}, DType::bf16, DType::f32, DType::f32});
  for (const ProductSetting& setting : settings)
    for (const Transposed& transposed : {Transposed{false, false}, {false, true}, {true, false}})
      check_matmul(check, c, transposed, setting, backends_with(setting.options), setting.c == DType::bf16);
}

/// Where there are a GPU and cuBLAS.
void check_cublas(const Checker& check, const MatmulCase& c) {
  for (ProductSetting setting : product_settings()) {
    setting.options.kernels = kernels::KernelChoice::cudnn;
    for (Backend* backend : backends_with(setting.options)) {
      const Configured configured(*backend, setting.options);
      for (const Transposed& transposed : transpositions)
        check_matmul(check, c, transposed, setting, {backend});
      check.that(configured.ran("cublas matmul"),
                 fmt::format("{} ran {}", backend->name(), configured.kernels()));
    }
  }
}

void check_unaligned(const Checker& check, const MatmulCase& c) {
  std::vector<ProductSetting> settings = product_settings();
  settings.push_back({{.precision = Precision::bf16}, DType::f32, DType::bf16, DType::f32});
  for (const ProductSetting& setting : settings)
    for (const Transposed& transposed : transpositions)
      check_matmul(check, c, transposed, setting, backends_with(setting.options));
}

void check_gradients(const GradientSink& check, const MatmulCase& c) {
  GradientCase test;
  test.operation = "matmul";
  test.operands = {activation("a", random_normal({c.m, c.k}, 1)),
                   activation("b", random_normal({c.k, c.n}, 2))};
  test.engine = [](EngineTensors in) { return engine::matmul(in[0], in[1]); };
  test.oracle = [](Tape& tape, Variables in) { return tape.matmul(in[0], in[1]); };
  test.arithmetic = Arithmetic::products;
  check(test);
}

void add_benchmarks(Benchmarks& list) {
  const DType activation = list.setting.activation;
  const auto add = [&](const std::string& name, const MatmulCase& c, Transposed transposed,
                       const Types& types) {
    Call call = matmul(c, transposed, types);
    call.variants = {"strided"};
    list.add(name, std::move(call));
  };
  for (const LinearLayer& layer : list.layers.linears) {
    const std::int64_t batch = list.setting.batch;
    add(layer.name + ".backward_data", matmul_case(batch, layer.in, layer.out), {},
        {activation, DType::f32, activation});
    add(layer.name + ".backward_weight", matmul_case(layer.out, layer.in, batch), {.a = true},
        {activation, activation, DType::f32});
  }
  const std::int64_t n = list.setting.matrix;
  add("square", matmul_case(n, n, n), {}, {activation, activation, activation});
}

}  // namespace

Operation describe_matmul() {
  return {
      .name = "matmul",
      .checks = {checks_of("matmul with every transposition", matmul_cases(), check_transpositions),
                 checks_of("matmul kernels in every precision", matmul_kernel_cases(), check_kernels),
                 checks_of(
                     "matmul kernels with results of partial pieces",
                     std::vector{matmul_case(40, 76, 40), matmul_case(40, 77, 40), matmul_case(136, 76, 40),
                                 matmul_case(136, 77, 40), matmul_case(136, 8, 40), matmul_case(136, 72, 40),
                                 matmul_case(40, 77, 1032), matmul_case(136, 77, 1032)},
                     check_partial_pieces),
                 checks_of("matmul through cuBLAS in every precision", matmul_cases(), check_cublas),
                 checks_of("matmul kernels without alignment in every precision",
                           std::vector{matmul_case(17, 33, 65), matmul_case(66, 7, 130)}, check_unaligned)},
      .gradients = {gradients_of("gradcheck matmul", matmul_gradient_cases(), check_gradients)},
      .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
