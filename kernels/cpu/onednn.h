// oneDNN's interfaces 2 (from 2.6) and 3 in one form. They differ in how a primitive descriptor is made and in the
// arguments of an element-wise post-operation; what the rest of the project uses is alike in both.
// Source: oneDNN's "Transition from v2.x to v3.x".
#pragma once

#include <dnnl.hpp>

namespace xr::kernels::onednn {

/// Where oneDNN has no implementation: an exception (dnnl::error), or an empty descriptor, which is false.
enum class IfMissing : bool { error, empty };

/// The descriptor of a Primitive, such as dnnl::convolution_forward. `description`: what both interfaces ask for in the
/// same order (kind of propagation, algorithm, layouts, strides, ...). An empty layout of the bias: there is none.
template <class Primitive, class... Description>
[[nodiscard]] typename Primitive::primitive_desc make_descriptor(const dnnl::engine& engine,
                                                                 const dnnl::primitive_attr& attributes,
                                                                 IfMissing if_missing,
                                                                 const Description&... description) {
  const bool allow_empty = if_missing == IfMissing::empty;
#if DNNL_VERSION_MAJOR >= 3
  return {engine, description..., attributes, allow_empty};
#else
  return {typename Primitive::desc(description...), attributes, engine, allow_empty};
#endif
}

/// The same for a backward primitive, which needs the descriptor of its forward primitive.
template <class Primitive, class ForwardDescriptor, class... Description>
[[nodiscard]] typename Primitive::primitive_desc make_backward_descriptor(
    const dnnl::engine& engine, const dnnl::primitive_attr& attributes, IfMissing if_missing,
    const ForwardDescriptor& forward, const Description&... description) {
  const bool allow_empty = if_missing == IfMissing::empty;
#if DNNL_VERSION_MAJOR >= 3
  return {engine, description..., forward, attributes, allow_empty};
#else
  return {typename Primitive::desc(description...), attributes, engine, forward, allow_empty};
#endif
}

/// ReLU with `slope` for what is negative, applied to a primitive's result.
inline void append_relu(dnnl::post_ops& operations, float slope) {
#if DNNL_VERSION_MAJOR >= 3
  operations.append_eltwise(dnnl::algorithm::eltwise_relu, slope, 0.0f);
#else
  operations.append_eltwise(1.0f, dnnl::algorithm::eltwise_relu, slope, 0.0f);
#endif
}

}  // namespace xr::kernels::onednn
