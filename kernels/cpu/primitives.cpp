#include "kernels/cpu/primitives.h"

#include <cstring>
#include <unordered_map>

#include "kernels/common/error.h"

namespace xr::kernels::cpu {

namespace {

const char* name_of(Operation operation) {
  switch (operation) {
    case Operation::conv2d_forward:
      return Conv2dForward::name;
    case Operation::conv2d_backward_data:
      return Conv2dBackwardData::name;
    case Operation::conv2d_backward_filter:
      return Conv2dBackwardFilter::name;
    case Operation::matmul:
      return Matmul::name;
    case Operation::reorder:
    case Operation::winograd_filter:
      break;
  }
  return Reorder::name;
}

const char* operand_name(Operation operation, int argument) {
  const bool product = operation == Operation::matmul;
  switch (argument) {
    case DNNL_ARG_SRC:
      return product ? "a" : "x";
    case DNNL_ARG_WEIGHTS:
      return product ? "b" : "filter";
    case DNNL_ARG_DST:
      return product ? "c" : "y";
    case DNNL_ARG_BIAS:
      return "bias";
    case DNNL_ARG_DIFF_SRC:
      return "dx";
    case DNNL_ARG_DIFF_DST:
      return "dy";
    case DNNL_ARG_DIFF_WEIGHTS:
      return "d_filter";
    case DNNL_ARG_DIFF_BIAS:
      return "d_bias";
    default:
      return "residual";
  }
}

}  // namespace

int OneDnn::threads_for(double multiply_adds) {
#if defined(__SANITIZE_THREAD__)
  (void)multiply_adds;
  return 1;  // ThreadSanitizer does not see how OpenMP's threads wait for each other
#else
  return multiply_adds < small_work ? 1 : thread_count();
#endif
}

void OneDnn::begin_key(Operation operation, PrimitiveKey& key) const {
  key.push_back(static_cast<std::int64_t>(operation));
  key.push_back(threads_);
}

dnnl::memory OneDnn::wrap(const dnnl::memory::desc& layout, void* data) {
  return dnnl::memory(layout, engine_, data);
}

dnnl::reorder& OneDnn::conversion(CachedPrimitive& primitive, const Argument& argument,
                                  const dnnl::memory::desc& wanted) {
  const bool adds = argument.write == GradientWrite::accumulate;
  add_record({name_of(primitive.operation), operand_name(primitive.operation, argument.id),
              static_cast<std::int64_t>(argument.layout.get_size()), adds});
  const int variant = adds ? -argument.id : argument.id;
  const auto found = primitive.conversions.find(variant);
  if (found != primitive.conversions.end()) return found->second;
  dnnl::primitive_attr attributes;
  if (adds) {
    dnnl::post_ops add;
    add.append_sum(1.0f);
    attributes.set_post_ops(add);
  }
  const auto& from = argument.is_output ? wanted : argument.layout;
  const auto& to = argument.is_output ? argument.layout : wanted;
  const dnnl::reorder::primitive_desc descriptor(engine_, from, engine_, to, attributes);
  return primitive.conversions.emplace(variant, dnnl::reorder(descriptor)).first->second;
}

void OneDnn::make_room(std::size_t bytes) {
  if (kept_bytes_ + bytes > max_kept_bytes) {
    for (auto& [key, primitive] : cache_) primitive->kept.clear();
    kept_bytes_ = 0;
  }
  kept_bytes_ += bytes;
}

void* OneDnn::converted(CachedPrimitive& primitive, const Argument& argument,
                        const dnnl::memory::desc& wanted) {
  return kept(primitive, argument.number, workspaces_[argument.id], wanted.get_size(), [&](void* data) {
    dnnl::memory from = wrap(argument.layout, argument.data), to = wrap(wanted, data);
    conversion(primitive, argument, wanted).execute(stream_, from, to);
  });
}

void OneDnn::run(CachedPrimitive& primitive, const std::vector<Argument>& arguments) {
  std::unordered_map<int, dnnl::memory> memories;
  for (const Argument& argument : arguments) {
    const dnnl::memory::desc wanted = primitive.layout_of(argument.id);
    const bool convert = wanted != argument.layout || argument.write == GradientWrite::accumulate;
    void* data = argument.data;
    if (convert)
      data = argument.is_output ? workspaces_[argument.id].get(wanted.get_size())
                                : converted(primitive, argument, wanted);
    memories.emplace(argument.id, wrap(wanted, data));
  }
  const dnnl::memory::desc scratchpad = primitive.layout_of(DNNL_ARG_SCRATCHPAD);
  if (scratchpad.get_size() > 0) {
    void* const data = workspaces_[DNNL_ARG_SCRATCHPAD].get(scratchpad.get_size());
    if (primitive.needs_zeroed_scratchpad) std::memset(data, 0, scratchpad.get_size());
    memories.emplace(DNNL_ARG_SCRATCHPAD, wrap(scratchpad, data));
  }
  primitive.primitive.execute(stream_, memories);
  for (const Argument& argument : arguments) {
    dnnl::memory& memory = memories.at(argument.id);
    if (!argument.is_output || memory.get_data_handle() == argument.data) continue;
    dnnl::memory to = wrap(argument.layout, argument.data);
    conversion(primitive, argument, memory.get_desc()).execute(stream_, memory, to);
  }
  stream_.wait();
}

dnnl::memory::format_tag format_tag(Layout layout) {
  switch (layout) {
    case Layout::channels_last:
      return dnnl::memory::format_tag::nhwc;
    case Layout::blocked16:
      return dnnl::memory::format_tag::nChw16c;
    case Layout::contiguous:
      break;
  }
  return dnnl::memory::format_tag::nchw;
}

dnnl::memory::data_type onednn_type(DType dtype) {
  return dtype == DType::bf16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
}

dnnl::memory::desc activation_layout(const Shape& shape, Layout layout, DType dtype) {
  return {{shape[0], shape[1], shape[2], shape[3]}, onednn_type(dtype), format_tag(layout)};
}

void throw_onednn_error(const char* operation, const std::string& operands, const dnnl::error& error) {
  if (error.status == dnnl_out_of_memory)
    throw Error(fmt::format("{} of {}: oneDNN ran out of memory; use a smaller batch size or image size",
                            operation, operands));
  throw Error(fmt::format("{} of {}: oneDNN failed: {} (status {})", operation, operands, error.what(),
                          static_cast<int>(error.status)));
}

}  // namespace xr::kernels::cpu
