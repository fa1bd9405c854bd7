// oneDNN for the CPU backend: engine, stream and a cache of primitives.
//
// A primitive is found by a key that holds everything it was built from (operation, thread count, all
// extents, layouts and flags). Arguments that the primitive wants in another layout than the caller has are
// converted on the way in and out; temporaries and scratchpads are kept between calls.
#pragma once

#include <dnnl.hpp>

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/common/parallel.h"
#include "kernels/common/types.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/memory.h"

namespace xr::kernels::cpu {

using PrimitiveKey = std::vector<std::int64_t>;

/// First element of a key.
enum class Operation : std::int64_t {
  conv2d_forward,
  conv2d_backward_data,
  conv2d_backward_filter,
  matmul,
  reorder,
  winograd_filter,
};

struct CachedPrimitive {
  Operation operation{};
  dnnl::primitive primitive;
  dnnl::primitive_desc_base descriptor;
  std::map<int, dnnl::reorder> conversions;  // by argument: from or to the caller's layout
  std::map<std::uint64_t, Workspace> kept;   // by number: inputs as the primitive wants them
  bool needs_zeroed_scratchpad = false;

  CachedPrimitive() = default;
  /// From oneDNN's primitive_desc of that operation.
  template <class PrimitiveDescriptor>
  CachedPrimitive(dnnl::primitive primitive_in, const PrimitiveDescriptor& descriptor_in)
      // NOLINTNEXTLINE(cppcoreguidelines-slicing): the base holds the shared handle, all that is asked here
      : primitive(std::move(primitive_in)), descriptor(descriptor_in) {}

  /// The layout that the primitive wants for DNNL_ARG_...
  [[nodiscard]] dnnl::memory::desc layout_of(int argument) const {
    return descriptor.query_md(dnnl::query::exec_arg_md, argument);
  }
};

/// What a caller passes for DNNL_ARG_...: memory and how it lies there.
struct Argument {
  int id;
  dnnl::memory::desc layout;
  void* data;
  bool is_output = false;
  GradientWrite write = GradientWrite::overwrite;  ///< outputs only
  std::uint64_t number = 0;  ///< inputs only: if not 0, those of the same number have the same elements

  static Argument input(int id, const dnnl::memory::desc& layout, const void* data) {
    return {id, layout, const_cast<void*>(data)};
  }
  static Argument output(int id, const dnnl::memory::desc& layout, void* data,
                         GradientWrite write = GradientWrite::overwrite) {
    return {id, layout, data, true, write};
  }
};

/// Temporaries of this project's own kernels, beside those of oneDNN's arguments.
enum class Temporary : int {
  padded = -1,
  padded_gradient = -2,
  reordered = -3,
  reordered_gradient = -4,
  partial_sums = -5,
  filter = -6,
  transposed = -7,
  transforms = -8,
  total = -9,
  widened = -10,
  widened_gradient = -11,
};

/// Multiply-adds that one thread does in about the time in which another one wakes up.
constexpr double small_work = 5e5;

class OneDnn {
 public:
  /// Held for the length of an operation, because temporaries are shared. Decides on the number of threads:
  /// one for little work, which is done before others would have woken up.
  class Call {
   public:
    Call(OneDnn& one_dnn, double multiply_adds)
        : lock_(one_dnn.mutex_), threads_(one_dnn.threads_ = threads_for(multiply_adds)) {}

   private:
    std::lock_guard<std::mutex> lock_;
    OneDnnThreads threads_;
  };

  OneDnn() : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_) {}

  [[nodiscard]] const dnnl::engine& engine() const { return engine_; }
  /// The primitive of `operation` and `key`, built by `build() -> CachedPrimitive` at the first call.
  /// The number of threads is added to the key. Only while a Call lives.
  template <class Build>
  CachedPrimitive& get(Operation operation, PrimitiveKey key, Build&& build) {
    begin_key(operation, key);
    const auto found = cache_.find(key);
    if (found != cache_.end()) return *found->second;
    if (cache_.size() >= max_primitives) {
      cache_.clear();
      kept_bytes_ = 0;
    }
    CachedPrimitive& made =
        *cache_.emplace(std::move(key), std::make_unique<CachedPrimitive>(build())).first->second;
    made.operation = operation;
    return made;
  }

  /// Conversions are appended to `records` until it is null.
  void record_conversions(std::vector<ConversionRecord>* records) { conversion_records_ = records; }
  void add_record(const ConversionRecord& record) {
    if (conversion_records_ != nullptr) conversion_records_->push_back(record);
  }

  /// Memory that write(void*) has filled, now or in an earlier call with this number, if that is not 0.
  template <class Write>
  void* kept(CachedPrimitive& primitive, std::uint64_t number, Workspace& otherwise, std::size_t bytes,
             Write&& write) {
    if (number == 0) {
      void* const data = otherwise.get(bytes);
      write(data);
      return data;
    }
    const auto found = primitive.kept.find(number);
    if (found != primitive.kept.end()) return found->second.get(0);
    make_room(bytes);
    try {
      void* const data = primitive.kept[number].get(bytes);
      write(data);
      return data;
    } catch (...) {
      primitive.kept.erase(number);
      throw;
    }
  }

  /// Runs it to its end.
  void run(CachedPrimitive& primitive, const std::vector<Argument>& arguments);

  [[nodiscard]] float* temporary(Temporary which, std::int64_t count) {
    return workspace(which).floats(static_cast<std::size_t>(count));
  }
  [[nodiscard]] Workspace& workspace(Temporary which) { return workspaces_[static_cast<int>(which)]; }

 private:
  static constexpr std::size_t max_primitives = 1024, max_kept_bytes = std::size_t{512} << 20;

  static int threads_for(double multiply_adds);
  void begin_key(Operation operation, PrimitiveKey& key) const;
  void make_room(std::size_t bytes);  // for what is kept
  dnnl::memory wrap(const dnnl::memory::desc& layout, void* data);
  /// The input in the layout that is wanted, converted where it is not kept from an earlier call.
  void* converted(CachedPrimitive& primitive, const Argument& argument, const dnnl::memory::desc& wanted);
  /// The reorder from or to the caller's layout. It is recorded as done.
  dnnl::reorder& conversion(CachedPrimitive& primitive, const Argument& argument,
                            const dnnl::memory::desc& wanted);

  dnnl::engine engine_;
  dnnl::stream stream_;
  std::mutex mutex_;
  int threads_ = 1;
  std::map<PrimitiveKey, std::unique_ptr<CachedPrimitive>> cache_;
  std::vector<ConversionRecord>* conversion_records_ = nullptr;
  std::size_t kept_bytes_ = 0;           // of all primitives
  std::map<int, Workspace> workspaces_;  // by DNNL_ARG_... or Temporary
};

struct CpuBackend::Primitives : OneDnn {};

/// dnnl's name for a rank-4 layout.
[[nodiscard]] dnnl::memory::format_tag format_tag(Layout layout);
[[nodiscard]] dnnl::memory::desc activation_layout(const Shape& shape, Layout layout, DType dtype);
/// f32 or bf16.
[[nodiscard]] dnnl::memory::data_type onednn_type(DType dtype);

/// Copies a rank-4 activation of that type into another layout. Where blocked16 meets channels that are no multiple of
/// 16, the last block is filled up with zeros (`to`) or read in part (`from`).
void convert_activation(OneDnn& one_dnn, const Shape& shape, DType dtype, Layout from, const void* x,
                        Layout to, void* converted);

/// Throws what oneDNN threw as xr::Error: which operation, on what, and oneDNN's own words.
[[noreturn]] void throw_onednn_error(const char* operation, const std::string& operands,
                                     const dnnl::error& error);

/// Runs body(); describe() -> std::string gives the operands' shapes if oneDNN fails.
template <class Describe, class Body>
void with_onednn_errors(const char* operation, Describe&& describe, Body&& body) {
  try {
    body();
  } catch (const dnnl::error& error) {
    throw_onednn_error(operation, describe(), error);
  }
}

}  // namespace xr::kernels::cpu
