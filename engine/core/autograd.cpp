#include "engine/core/autograd.h"

#include <atomic>
#include <optional>
#include <queue>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "engine/core/final_gradients.h"

namespace xr::engine {

namespace {

thread_local bool recording = true;
thread_local const FinalGradient* final_gradient = nullptr;

GradientTarget written_target(Tensor& grad, bool& written, const Shape& shape, const TensorOptions& options) {
  if (!grad.defined()) grad = Tensor::empty(shape, options);
  const GradientWrite write = written ? GradientWrite::accumulate : GradientWrite::overwrite;
  written = true;
  return {grad.mutable_view(), write};
}

// give() may have placed the same tensor, or one on the same memory, at another node.
bool is_shared(const Tensor& gradient) {
  return gradient.state().use_count() > 1 || gradient.state()->storage.use_count() > 1;
}

// Adding to a gradient needs memory of its own.
GradientTarget node_target(Node& node) {
  if (node.output_grad_written && is_shared(node.output_grad)) node.output_grad = node.output_grad.clone();
  return written_target(node.output_grad, node.output_grad_written, node.output_shape, node.output_options);
}

GradientTarget leaf_target(TensorState& leaf) {
  return written_target(leaf.grad, leaf.grad_written, leaf.shape,
                        {leaf.dtype, leaf.storage->device(), leaf.layout});
}

bool differentiates(std::initializer_list<Tensor> inputs) {
  if (!recording) return false;
  for (const Tensor& input : inputs)
    if (input.requires_grad()) return true;
  return false;
}

struct MadeLater {
  bool operator()(const std::shared_ptr<Node>& a, const std::shared_ptr<Node>& b) const {
    return a->sequence < b->sequence;
  }
};

/// How often each leaf of a graph is still an input of a node that has not run.
class LeafUses {
 public:
  explicit LeafUses(const Node& start) {
    std::unordered_set<const Node*> seen{&start};
    std::vector<const Node*> nodes{&start};
    while (!nodes.empty()) {
      const Node& node = *nodes.back();
      nodes.pop_back();
      for (const Edge& input : node.inputs) {
        if (input.leaf != nullptr) ++uses_[input.leaf.get()];
        if (input.node != nullptr && seen.insert(input.node.get()).second) nodes.push_back(input.node.get());
      }
    }
  }

  void has_run(const Node& node, const FinalGradient& done) {
    for (const Edge& input : node.inputs)
      if (input.leaf != nullptr && --uses_[input.leaf.get()] == 0) done(*input.leaf);
  }

 private:
  std::unordered_map<const TensorState*, std::size_t> uses_;
};

}  // namespace

FinalGradientGuard::FinalGradientGuard(const FinalGradient& done)
    : previous_(std::exchange(final_gradient, &done)) {}
FinalGradientGuard::~FinalGradientGuard() {
  final_gradient = previous_;
}

Node::~Node() {
  std::vector<std::shared_ptr<Node>> dropped;
  const auto drop_inputs = [&dropped](Node& node) {
    for (Edge& input : node.inputs)
      if (input.node != nullptr) dropped.push_back(std::move(input.node));
  };
  drop_inputs(*this);
  while (!dropped.empty()) {
    const std::shared_ptr<Node> node = std::move(dropped.back());
    dropped.pop_back();
    if (node.use_count() == 1) drop_inputs(*node);
  }
}

Saved::Saved(const Tensor& tensor) {
  if (!tensor.defined()) return;
  tensor_ = tensor.detach();
  version_ = tensor.version();
}

const Tensor& Saved::get() const {
  XR_CHECK(tensor_.version() == version_,
           "a tensor of shape {} that backward needs was changed in place after it was used (version {}, "
           "saved at {}); "
           "call backward before changing it",
           tensor_.shape().to_string(), tensor_.version(), version_);
  return tensor_;
}

bool GradientContext::needs(std::size_t input) const {
  const Edge& edge = node_.inputs.at(input);
  return edge.node != nullptr || edge.leaf != nullptr;
}

GradientTarget GradientContext::target(std::size_t input) {
  if (!needs(input)) return {};
  const Edge& edge = node_.inputs[input];
  return edge.node ? node_target(*edge.node) : leaf_target(*edge.leaf);
}

void GradientContext::give(std::size_t input, const Tensor& gradient) {
  if (!needs(input)) return;
  Node* node = node_.inputs[input].node.get();
  if (node != nullptr && !node->output_grad_written) {
    node->output_grad = gradient;
    node->output_grad_written = true;
    return;
  }
  const GradientTarget destination = target(input);
  backend().run(kernels::Scale{.x = gradient.view(), .y = destination.view, .write = destination.write});
}

bool will_record(std::initializer_list<Tensor> inputs) {
  return Trace::active() || differentiates(inputs);
}

bool record(Tensor& output, const char* name, std::initializer_list<Tensor> inputs, BackwardFunction backward,
            const OperationParams& params) {
  Trace::report(name, inputs, output, params);
  if (!differentiates(inputs)) return false;
  static std::atomic<std::uint64_t> next_sequence{1};
  auto node = std::make_shared<Node>();
  node->name = name;
  for (const Tensor& input : inputs) {
    Edge edge;
    if (input.requires_grad()) {
      edge.node = input.state()->node;
      if (!edge.node) edge.leaf = input.state();
    }
    node->inputs.push_back(std::move(edge));
  }
  node->backward = std::move(backward);
  node->sequence = next_sequence++;
  node->output_shape = output.shape();
  node->output_options = {output.dtype(), output.device(), output.layout()};
  output.state()->node = std::move(node);
  return true;
}

NoGradGuard::NoGradGuard() : previous_(std::exchange(recording, false)) {}
NoGradGuard::~NoGradGuard() {
  recording = previous_;
}

void run_backward(const Tensor& root, const Tensor& seed) {
  XR_CHECK(root.requires_grad(),
           "backward needs a tensor that was computed from one that requires a gradient");
  XR_CHECK(seed.defined() || root.numel() == 1,
           "backward of a tensor of shape {} needs a gradient to start from; only one element implies 1",
           root.shape().to_string());
  XR_CHECK(!seed.defined() || seed.shape() == root.shape(),
           "a gradient of shape {} does not fit a tensor of shape {}", seed.shape().to_string(),
           root.shape().to_string());
  XR_CHECK(!seed.defined() || seed.dtype() == root.dtype(),
           "a gradient of type {} does not fit a tensor of type {}: cast() one to the other's",
           kernels::name_of(seed.dtype()), kernels::name_of(root.dtype()));
  const std::shared_ptr<Node>& start = root.state()->node;
  XR_CHECK(start == nullptr || start->backward,
           "backward was called twice on the same graph ({}); run forward again", start->name);

  const GradientTarget first = start ? node_target(*start) : leaf_target(*root.state());
  kernels::Backend& backend = root.backend();
  if (!seed.defined()) {
    const Tensor one = Tensor::full(root.shape(), 1.0f, {root.dtype(), root.device(), root.layout()});
    backend.run(kernels::Scale{.x = one.view(), .y = first.view, .write = first.write});
  } else {
    Tensor same_layout = seed.detach();
    if (seed.layout() != root.layout()) {
      same_layout = Tensor::empty_like(root);
      backend.run(kernels::Reorder{.x = seed.view(), .y = same_layout.mutable_view()});
    }
    backend.run(kernels::Scale{.x = same_layout.view(), .y = first.view, .write = first.write});
  }
  if (start == nullptr) return;

  std::priority_queue<std::shared_ptr<Node>, std::vector<std::shared_ptr<Node>>, MadeLater> ready;
  std::unordered_set<const Node*> seen{start.get()};
  std::optional<LeafUses> uses;
  if (final_gradient != nullptr) uses.emplace(*start);
  ready.push(start);
  while (!ready.empty()) {
    const std::shared_ptr<Node> node = ready.top();
    ready.pop();
    XR_CHECK(node->backward, "backward was called twice on the same graph ({}); run forward again",
             node->name);
    const BackwardFunction function = std::exchange(node->backward, nullptr);
    // A node that no gradient reached (its output was an input that its user did not differentiate) adds
    // nothing.
    if (node->output_grad_written) {
      GradientContext context(*node);
      function(context);
    }
    node->output_grad = {};
    node->output_grad_written = false;
    for (const Edge& input : node->inputs)
      if (input.node != nullptr && seen.insert(input.node.get()).second) ready.push(input.node);
    if (uses) uses->has_run(*node, *final_gradient);
    node->inputs.clear();
  }
}

}  // namespace xr::engine
