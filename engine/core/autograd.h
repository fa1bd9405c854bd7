// Reverse-mode automatic differentiation on a dynamic tape.
//
// An operation that sees an input that requires a gradient records a Node: its inputs, and a function that
// writes their gradients from the gradient of its output. backward() visits the nodes in reverse order of
// their making, which is a topological order, once each, and frees what each saved as soon as it has run.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "engine/core/tensor.h"
#include "engine/core/trace.h"

namespace xr::engine {

/// A tensor that backward will need. Reading it after an in-place change throws Error: the gradient would be
/// wrong.
class Saved {
 public:
  Saved() = default;
  explicit Saved(const Tensor& tensor);
  /// The saved elements, outside of the graph.
  [[nodiscard]] const Tensor& get() const;
  [[nodiscard]] ConstView view() const { return defined() ? get().view() : ConstView{}; }
  [[nodiscard]] bool defined() const { return tensor_.defined(); }

 private:
  Tensor tensor_;  // detached, so that a node never keeps itself alive
  std::uint64_t version_ = 0;
};

/// Where the gradient of one input goes, and whether to overwrite or accumulate.
using GradientTarget = kernels::Gradient;

class GradientContext;
using BackwardFunction = std::function<void(GradientContext&)>;

/// Where an input's gradient goes on to: the node that made it, or the leaf itself; neither where no gradient
/// is wanted. Holds no elements of inner tensors, so that an activation that nobody saved is freed at once.
struct Edge {
  std::shared_ptr<Node> node;
  std::shared_ptr<TensorState> leaf;
};

struct Node {
  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  /// Destroys the part of the graph that nobody else holds, in a loop: a long graph needs no deep stack.
  ~Node();

  std::string name;
  std::vector<Edge> inputs;
  BackwardFunction backward;  // empty once it has run
  std::uint64_t sequence = 0;
  Shape output_shape;
  TensorOptions output_options;
  Tensor output_grad;  // while backward runs
  bool output_grad_written = false;
};

/// What a backward function sees.
class GradientContext {
 public:
  explicit GradientContext(Node& node) : node_(node) {}

  /// dy: the gradient of the output, in the output's layout.
  [[nodiscard]] const Tensor& output() const { return node_.output_grad; }
  /// Whether the gradient of input i is wanted.
  [[nodiscard]] bool needs(std::size_t input) const;
  /// Destination for the gradient of input i, in the input's layout. To be asked once for each wanted input,
  /// and then written completely. An undefined view where it is not wanted.
  [[nodiscard]] GradientTarget target(std::size_t input);
  /// Instead of target(): the gradient of input i is `gradient` (in the input's shape and layout), which may
  /// share memory with output(). Copies only where it must.
  void give(std::size_t input, const Tensor& gradient);
  [[nodiscard]] kernels::Backend& backend() const { return kernels::backend(node_.output_options.device); }

 private:
  Node& node_;
};

/// Makes `output` the result of a recorded operation if any input requires a gradient and recording is on, and
/// reports the operation, with `params`, to the thread's Trace. Returns whether it was recorded.
bool record(Tensor& output, const char* name, std::initializer_list<Tensor> inputs, BackwardFunction backward,
            const OperationParams& params = {});

/// Whether record() would do anything for these inputs: tells an operation whether saving anything is worth it.
[[nodiscard]] bool will_record(std::initializer_list<Tensor> inputs);

/// While one lives, operations of this thread are not recorded.
class NoGradGuard {
 public:
  NoGradGuard();
  ~NoGradGuard();
  NoGradGuard(const NoGradGuard&) = delete;
  NoGradGuard& operator=(const NoGradGuard&) = delete;

 private:
  bool previous_;
};

/// Tensor::backward.
void run_backward(const Tensor& root, const Tensor& seed);

}  // namespace xr::engine
