#include "engine/core/trace.h"

namespace xr::engine {

namespace {

thread_local Trace* current_trace = nullptr;

}  // namespace

Trace::Trace() {
  XR_CHECK(current_trace == nullptr, "a trace was begun while another one of this thread lives");
  current_trace = this;
}

Trace::~Trace() {
  current_trace = nullptr;
}

bool Trace::active() {
  return current_trace != nullptr;
}

void Trace::report(const char* name, std::initializer_list<Tensor> inputs, const Tensor& output,
                   const OperationParams& params) {
  if (current_trace != nullptr) current_trace->operations_.push_back({name, inputs, output, params});
}

}  // namespace xr::engine
