#include "tests/ops/tape.h"

#include <algorithm>
#include <cmath>

#include "tests/reference/avg_pool2d.h"
#include "tests/reference/batch_norm2d.h"
#include "tests/reference/conv2d.h"
#include "tests/reference/cross_entropy.h"
#include "tests/reference/dropout.h"
#include "tests/reference/elementwise.h"
#include "tests/reference/global_avg_pool2d.h"
#include "tests/reference/matmul.h"
#include "tests/reference/max_pool2d.h"
#include "tests/reference/relu.h"
#include "tests/reference/softmax.h"

namespace xr::tests {

void add_gradient(const VariablePointer& variable, const reference::Tensor& gradient) {
  XR_CHECK(gradient.shape == variable->value.shape, "a gradient of shape {} for a variable of shape {}",
           gradient.shape.to_string(), variable->value.shape.to_string());
  for (std::int64_t i = 0; i < gradient.size(); ++i) variable->gradient[i] += gradient[i];
}

namespace {

const reference::Tensor* value_of(const VariablePointer& variable) {
  return variable ? &variable->value : nullptr;
}

/// The gap between the largest and the second largest value of each window; windows without a positive value
/// behind a ReLU are ties of zeros, whose gradient is lost anyway.
double min_gap(const Pool2dParams& params, const reference::Tensor& x, const reference::Tensor& y) {
  double least = std::numeric_limits<double>::infinity();
  reference::pool2d_for_each_output(
      y.shape, [&](std::int64_t out, std::int64_t plane, std::int64_t i, std::int64_t j) {
        int ties = 0;
        double second = -std::numeric_limits<double>::infinity();
        reference::pool2d_for_each_in_window(params, x.shape, plane, i, j, [&](std::int64_t in) {
          if (x[in] == y[out])
            ++ties;
          else
            second = std::max(second, x[in]);
        });
        if (ties > 1 && y[out] != 0) least = 0;
        if (y[out] != 0) least = std::min(least, y[out] - second);
      });
  return least;
}

}  // namespace

VariablePointer Tape::leaf(const reference::Tensor& value) {
  return record(value, {});
}

VariablePointer Tape::record(reference::Tensor value,
                             std::function<void(const reference::Tensor& dy)> backward) {
  auto variable = std::make_shared<Variable>();
  variable->gradient = reference::Tensor(value.shape);
  variable->value = std::move(value);
  steps_.push_back({variable, std::move(backward)});
  return variable;
}

void Tape::backward(const VariablePointer& root, const reference::Tensor& seed) {
  for (const Step& step : steps_) std::ranges::fill(step.output->gradient.values, 0.0);
  add_gradient(root, seed);
  for (std::size_t i = steps_.size(); i-- > 0;)
    if (steps_[i].backward) steps_[i].backward(steps_[i].output->gradient);
}

VariablePointer Tape::add(const VariablePointer& a, const VariablePointer& b) {
  return record(reference::add(a->value, b->value), [a, b](const reference::Tensor& dy) {
    add_gradient(a, reference::sum_to_shape(dy, 1, a->value.shape));
    add_gradient(b, reference::sum_to_shape(dy, 1, b->value.shape));
  });
}

VariablePointer Tape::multiply(const VariablePointer& a, const VariablePointer& b) {
  return record(reference::multiply(a->value, b->value), [a, b](const reference::Tensor& dy) {
    add_gradient(a, reference::sum_to_shape(reference::multiply(dy, b->value), 1, a->value.shape));
    add_gradient(b, reference::sum_to_shape(reference::multiply(dy, a->value), 1, b->value.shape));
  });
}

VariablePointer Tape::scale(const VariablePointer& x, double scale) {
  return record(reference::broadcast_to(x->value, scale, x->value.shape),
                [x, scale](const reference::Tensor& dy) {
                  add_gradient(x, reference::broadcast_to(dy, scale, dy.shape));
                });
}

VariablePointer Tape::sum(const VariablePointer& x, double scale) {
  return record(reference::sum_to_shape(x->value, scale, {}), [x, scale](const reference::Tensor& dy) {
    add_gradient(x, reference::broadcast_to(dy, scale, x->value.shape));
  });
}

VariablePointer Tape::matmul(const VariablePointer& a, const VariablePointer& b) {
  return record(reference::matmul(a->value, b->value), [a, b](const reference::Tensor& dy) {
    add_gradient(a, reference::matmul(dy, false, b->value, true));
    add_gradient(b, reference::matmul(a->value, true, dy, false));
  });
}

VariablePointer Tape::linear(const VariablePointer& x, const VariablePointer& weight,
                             const VariablePointer& bias) {
  return record(reference::linear_forward(x->value, weight->value, value_of(bias)),
                [x, weight, bias](const reference::Tensor& dy) {
                  const reference::LinearGradients gradients =
                      reference::linear_backward(x->value, weight->value, dy);
                  add_gradient(x, gradients.dx);
                  add_gradient(weight, gradients.d_weight);
                  if (bias) add_gradient(bias, gradients.d_bias);
                });
}

VariablePointer Tape::conv2d(const Conv2dParams& params, const VariablePointer& x,
                             const VariablePointer& filter, const VariablePointer& bias) {
  return record(reference::conv2d_forward(params, x->value, filter->value, value_of(bias)),
                [params, x, filter, bias](const reference::Tensor& dy) {
                  add_gradient(x, reference::conv2d_backward_data(params, dy, filter->value, x->value.shape));
                  add_gradient(filter,
                               reference::conv2d_backward_filter(params, x->value, dy, filter->value.shape));
                  if (bias) add_gradient(bias, reference::conv2d_backward_bias(dy));
                });
}

VariablePointer Tape::max_pool2d(const Pool2dParams& params, const VariablePointer& x) {
  reference::MaxPool2d result = reference::max_pool2d_forward(params, x->value);
  kink_distance_ = std::min(kink_distance_, min_gap(params, x->value, result.y));
  for (std::int64_t out = 0; out < result.y.size(); ++out)
    pattern_.push_back(result.y[out] == 0 ? -1 : result.argmax[static_cast<std::size_t>(out)]);
  return record(std::move(result.y), [x, argmax = result.argmax](const reference::Tensor& dy) {
    add_gradient(x, reference::max_pool2d_backward(dy, argmax, x->value.shape));
  });
}

VariablePointer Tape::avg_pool2d(const Pool2dParams& params, const VariablePointer& x) {
  return record(reference::avg_pool2d_forward(params, x->value), [params, x](const reference::Tensor& dy) {
    add_gradient(x, reference::avg_pool2d_backward(params, dy, x->value.shape));
  });
}

VariablePointer Tape::global_avg_pool2d(const VariablePointer& x) {
  return record(reference::global_avg_pool2d_forward(x->value), [x](const reference::Tensor& dy) {
    add_gradient(x, reference::global_avg_pool2d_backward(dy, x->value.shape));
  });
}

void Tape::note_kinks_at_zero(const reference::Tensor& x) {
  for (const double value : x.values) {
    kink_distance_ = std::min(kink_distance_, std::abs(value));
    pattern_.push_back(value > 0);
  }
}

VariablePointer Tape::relu(const VariablePointer& x) {
  note_kinks_at_zero(x->value);
  reference::Tensor y = reference::relu_forward(x->value);
  return record(y, [x, y](const reference::Tensor& dy) { add_gradient(x, reference::relu_backward(y, dy)); });
}

VariablePointer Tape::batch_norm2d(const BatchNormParams& params, const VariablePointer& x,
                                   const VariablePointer& gamma, const VariablePointer& beta,
                                   RunningStatistics& running, bool training) {
  const auto accumulate_all = [x, gamma, beta](const reference::BatchNorm2dGradients& gradients) {
    add_gradient(x, gradients.dx);
    add_gradient(gamma, gradients.d_gamma);
    add_gradient(beta, gradients.d_beta);
  };
  if (!training)
    return record(reference::batch_norm2d_forward_inference(params, x->value, gamma->value, beta->value,
                                                            running.mean, running.variance),
                  [=](const reference::Tensor& dy) {
                    accumulate_all(reference::batch_norm2d_backward_inference(
                        params, x->value, dy, gamma->value, running.mean, running.variance));
                  });
  reference::BatchNorm2d result = reference::batch_norm2d_forward_training(
      params, x->value, gamma->value, beta->value, running.mean, running.variance);
  running = {result.running_mean, result.running_var};
  return record(std::move(result.y), [=, mean = result.mean,
                                      inverse_std = result.inverse_std](const reference::Tensor& dy) {
    accumulate_all(reference::batch_norm2d_backward_training(x->value, dy, gamma->value, mean, inverse_std));
  });
}

VariablePointer Tape::dropout(const DropoutParams& params, const VariablePointer& x) {
  return record(reference::dropout(params, x->value), [params, x](const reference::Tensor& dy) {
    add_gradient(x, reference::dropout(params, dy));
  });
}

VariablePointer Tape::softmax(const VariablePointer& x) {
  reference::Tensor y = reference::softmax_forward(x->value);
  return record(y,
                [x, y](const reference::Tensor& dy) { add_gradient(x, reference::softmax_backward(y, dy)); });
}

VariablePointer Tape::log_softmax(const VariablePointer& x) {
  reference::Tensor y = reference::log_softmax_forward(x->value);
  return record(
      y, [x, y](const reference::Tensor& dy) { add_gradient(x, reference::log_softmax_backward(y, dy)); });
}

VariablePointer Tape::cross_entropy(const CrossEntropyParams& params, const VariablePointer& logits,
                                    const std::vector<std::int64_t>& labels,
                                    const reference::Tensor* class_weights) {
  const reference::Tensor weights = class_weights ? *class_weights : reference::Tensor();
  return record(reference::cross_entropy_forward(params, logits->value, labels, class_weights),
                [=, weighted = class_weights != nullptr](const reference::Tensor& dy) {
                  add_gradient(logits, reference::cross_entropy_backward(
                                           params, reference::log_softmax_forward(logits->value), labels,
                                           weighted ? &weights : nullptr, dy[0]));
                });
}

VariablePointer Tape::reshape(const VariablePointer& x, const Shape& shape) {
  return record(reference::Tensor(shape, x->value.values), [x](const reference::Tensor& dy) {
    add_gradient(x, reference::Tensor(x->value.shape, dy.values));
  });
}

}  // namespace xr::tests
