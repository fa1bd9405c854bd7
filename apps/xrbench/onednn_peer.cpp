#include "apps/xrbench/onednn_peer.h"

#include <dnnl.hpp>
#include <unordered_map>
#include <vector>

#include "kernels/common/error.h"
#include "kernels/common/parallel.h"
#include "kernels/cpu/onednn.h"

namespace xr::bench {

namespace {

namespace onednn = kernels::onednn;
using dnnl::memory;
using kernels::Layout;
using kernels::Shape;
using kernels::View;

memory::data_type type_of(const View& view) {
  return view.dtype == kernels::DType::bf16 ? memory::data_type::bf16 : memory::data_type::f32;
}

/// What oneDNN multiplies in: bf16 where one of the two is.
memory::data_type type_of_product(const View& a, const View& b) {
  return type_of(a) == memory::data_type::bf16 ? type_of(a) : type_of(b);
}

memory::dims dims_of(const Shape& shape) {
  return {shape.begin(), shape.end()};
}

memory::desc layout_of(const View& view) {
  using Tag = memory::format_tag;
  const Tag format = view.shape.rank() == 1                      ? Tag::a
                     : view.shape.rank() == 2                    ? Tag::ab
                     : view.layout == Layout::channels_last      ? Tag::nhwc
                     : view.layout == kernels::Layout::blocked16 ? Tag::nChw16c
                                                                 : Tag::nchw;
  return {dims_of(view.shape), type_of(view), format};
}

memory::desc any_layout(const View& view, memory::data_type type) {
  return {dims_of(view.shape), type, memory::format_tag::any};
}

memory::desc any_layout(const View& view) {
  return any_layout(view, type_of(view));
}

/// A primitive with its arguments.
class Peer final : public OneDnnPeer {
 public:
  explicit Peer(const dnnl::engine& engine) : engine_(engine), stream_(engine) {}

  template <class Descriptor>
  void set_primitive(dnnl::primitive primitive, const Descriptor& descriptor) {
    primitive_ = std::move(primitive);
    kernel_ = fmt::format("oneDNN {}", descriptor.impl_info_str());
    arguments_.emplace(DNNL_ARG_SCRATCHPAD, memory(descriptor.scratchpad_desc(), engine_));
  }

  void add_input(int argument, const memory::desc& wanted, const View& view) {
    add_input(argument, wanted, layout_of(view), view.data);
  }

  void add_input(int argument, const memory::desc& wanted, const memory::desc& layout, void* data) {
    memory given(layout, engine_, data);
    if (wanted == given.get_desc()) {
      arguments_.emplace(argument, given);
      return;
    }
    const kernels::OneDnnThreads threads(kernels::thread_count());
    memory converted(wanted, engine_);
    dnnl::reorder(given, converted).execute(stream_, given, converted);
    stream_.wait();
    arguments_.emplace(argument, converted);
  }

  void add_output(int argument, const memory::desc& wanted, const View& view) {
    const memory given(layout_of(view), engine_, view.data);
    if (wanted == given.get_desc()) {
      arguments_.emplace(argument, given);
      return;
    }
    const memory converted(wanted, engine_);
    arguments_.emplace(argument, converted);
    conversions_.emplace_back(converted, given);
  }

  /// An argument that is taken as it lies.
  void set_memory(int argument, const memory::desc& layout, void* data) {
    arguments_.emplace(argument, memory(layout, engine_, data));
  }

  [[nodiscard]] std::string kernel() const override { return kernel_; }

  void run() override {
    const kernels::OneDnnThreads threads(kernels::thread_count());
    primitive_.execute(stream_, arguments_);
    stream_.wait();
  }

  void store() override {
    const kernels::OneDnnThreads threads(kernels::thread_count());
    for (auto& [from, to] : conversions_) dnnl::reorder(from, to).execute(stream_, from, to);
    stream_.wait();
  }

 private:
  dnnl::engine engine_;
  dnnl::stream stream_;
  dnnl::primitive primitive_;
  std::string kernel_;
  std::unordered_map<int, memory> arguments_;
  std::vector<std::pair<memory, memory>> conversions_;
};

dnnl::primitive_attr attributes() {
  dnnl::primitive_attr result;
  result.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return result;
}

struct Convolution {
  View x, filter, bias, y;
  memory::dims strides{1, 1}, padding;

  /// The filter in the type of the activations.
  [[nodiscard]] memory::desc weights() const { return any_layout(filter, type_of(x)); }
  // Layouts are left to oneDNN; so is the choice between Winograd and direct kernels.
  [[nodiscard]] dnnl::convolution_forward::primitive_desc forward(const dnnl::engine& engine,
                                                                  bool has_bias) const {
    const auto kind = dnnl::prop_kind::forward_training;
    const auto algorithm = dnnl::algorithm::convolution_auto;
    return onednn::make_descriptor<dnnl::convolution_forward>(
        engine, attributes(), onednn::IfMissing::error, kind, algorithm, any_layout(x), weights(),
        has_bias ? layout_of(bias) : memory::desc(), any_layout(y), strides, padding, padding);
  }
};

void set_forward(Peer& peer, const Convolution& c, const dnnl::engine& engine) {
  const auto descriptor = c.forward(engine, c.bias.defined());
  peer.set_primitive(dnnl::convolution_forward(descriptor), descriptor);
  peer.add_input(DNNL_ARG_SRC, descriptor.src_desc(), c.x);
  peer.add_input(DNNL_ARG_WEIGHTS, descriptor.weights_desc(), c.filter);
  if (c.bias.defined()) peer.add_input(DNNL_ARG_BIAS, layout_of(c.bias), c.bias);
  peer.add_output(DNNL_ARG_DST, descriptor.dst_desc(), c.y);
}

void set_backward_data(Peer& peer, const Convolution& c, const dnnl::engine& engine) {
  const auto descriptor = onednn::make_backward_descriptor<dnnl::convolution_backward_data>(
      engine, attributes(), onednn::IfMissing::error, c.forward(engine, false),
      dnnl::algorithm::convolution_auto, any_layout(c.x), c.weights(), any_layout(c.y), c.strides, c.padding,
      c.padding);
  peer.set_primitive(dnnl::convolution_backward_data(descriptor), descriptor);
  peer.add_input(DNNL_ARG_DIFF_DST, descriptor.diff_dst_desc(), c.y);
  peer.add_input(DNNL_ARG_WEIGHTS, descriptor.weights_desc(), c.filter);
  peer.add_output(DNNL_ARG_DIFF_SRC, descriptor.diff_src_desc(), c.x);
}

void set_backward_filter(Peer& peer, const Convolution& c, const dnnl::engine& engine) {
  const auto descriptor = onednn::make_backward_descriptor<dnnl::convolution_backward_weights>(
      engine, attributes(), onednn::IfMissing::error, c.forward(engine, c.bias.defined()),
      dnnl::algorithm::convolution_auto, any_layout(c.x), any_layout(c.filter),
      c.bias.defined() ? layout_of(c.bias) : memory::desc(), any_layout(c.y), c.strides, c.padding,
      c.padding);
  peer.set_primitive(dnnl::convolution_backward_weights(descriptor), descriptor);
  peer.add_input(DNNL_ARG_SRC, descriptor.src_desc(), c.x);
  peer.add_input(DNNL_ARG_DIFF_DST, descriptor.diff_dst_desc(), c.y);
  peer.add_output(DNNL_ARG_DIFF_WEIGHTS, descriptor.diff_weights_desc(), c.filter);
  if (c.bias.defined()) peer.add_output(DNNL_ARG_DIFF_BIAS, layout_of(c.bias), c.bias);
}

template <class Action>
auto with_onednn_errors(Action&& action) {
  try {
    return action();
  } catch (const dnnl::error& error) {
    throw Error(fmt::format("oneDNN has no such primitive: {}", error.what()));
  }
}

}  // namespace

std::unique_ptr<OneDnnPeer> make_convolution_peer(ConvolutionPass pass, std::int64_t padding, View x,
                                                  View filter, View bias, View y) {
  return with_onednn_errors([&] {
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    auto peer = std::make_unique<Peer>(engine);
    const Convolution convolution{
        .x = x, .filter = filter, .bias = bias, .y = y, .padding = {padding, padding}};
    const auto set = pass == ConvolutionPass::forward         ? set_forward
                     : pass == ConvolutionPass::backward_data ? set_backward_data
                                                              : set_backward_filter;
    set(*peer, convolution, engine);
    return std::unique_ptr<OneDnnPeer>(std::move(peer));
  });
}

std::unique_ptr<OneDnnPeer> make_matmul_peer(View a, bool transpose_a, View b, bool transpose_b, View bias,
                                             View c) {
  return with_onednn_errors([&] {
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    auto peer = std::make_unique<Peer>(engine);
    const auto layout = [](const View& view, bool transpose, memory::data_type type) {
      const auto rows = view.shape[0], columns = view.shape[1];
      return transpose ? memory::desc({columns, rows}, type, memory::format_tag::ba)
                       : memory::desc({rows, columns}, type, memory::format_tag::ab);
    };
    const memory::data_type type = type_of_product(a, b);
    const memory::desc a_layout = layout(a, transpose_a, type), b_layout = layout(b, transpose_b, type),
                       c_layout = layout(c, false, type_of(c));
    const memory::desc bias_layout({1, c.shape[1]}, memory::data_type::f32, memory::format_tag::ab);
    const auto descriptor = onednn::make_descriptor<dnnl::matmul>(
        engine, attributes(), onednn::IfMissing::error, a_layout, b_layout,
        bias.defined() ? bias_layout : memory::desc(), c_layout);
    peer->set_primitive(dnnl::matmul(descriptor), descriptor);
    peer->add_input(DNNL_ARG_SRC, a_layout, layout(a, transpose_a, type_of(a)), a.data);
    peer->add_input(DNNL_ARG_WEIGHTS, b_layout, layout(b, transpose_b, type_of(b)), b.data);
    if (bias.defined()) peer->set_memory(DNNL_ARG_BIAS, bias_layout, bias.data);
    peer->set_memory(DNNL_ARG_DST, c_layout, c.data);
    return std::unique_ptr<OneDnnPeer>(std::move(peer));
  });
}

std::string onednn_version() {
  const dnnl_version_t* version = dnnl_version();
  return fmt::format("oneDNN {}.{}.{}", version->major, version->minor, version->patch);
}

}  // namespace xr::bench
