// Streams, events, and graphs that are recorded from streams.
#include <utility>

#include "kernels/software_gpu/runtime/runtime.h"

using namespace xr::software_gpu;

extern "C" {

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned /*flags*/) {
  XR_GPU_CALL;
  auto made = std::make_unique<Stream>();
  made->device = current_device();
  runtime().streams.insert(made.get());
  *stream = reinterpret_cast<cudaStream_t>(made.release());
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  XR_GPU_CALL;
  const std::unique_ptr<Stream> owned(&stream_of(stream));
  drain(*owned, owned->queued);
  runtime().streams.erase(owned.get());
  return runtime().broken;
}

cudaError_t cudaStreamSynchronize(cudaStream_t queue) {
  XR_GPU_CALL;
  Stream& stream = stream_of(queue);
  if (stream.recording != nullptr) {
    stream.capture_broken = true;
    return remember(cudaErrorStreamCaptureUnsupported);
  }
  drain(stream, stream.queued);
  return runtime().broken;
}

cudaError_t cudaDeviceSynchronize() {
  XR_GPU_CALL;
  drain_all();
  return runtime().broken;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  XR_GPU_CALL;
  if (flags != cudaEventDisableTiming)
    end_program("cudaEventCreateWithFlags: only events without times are known");
  *event = reinterpret_cast<cudaEvent_t>(new Event);
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  XR_GPU_CALL;
  delete reinterpret_cast<Event*>(event);
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t queue) {
  XR_GPU_CALL;
  Stream& stream = stream_of(queue);
  *reinterpret_cast<Event*>(event) = {&stream, stream.queued, stream.recording != nullptr};
  return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t waited) {
  XR_GPU_CALL;
  const Event& event = *reinterpret_cast<Event*>(waited);
  if (event.captured) return remember(cudaErrorCapturedEvent);
  if (event.stream == nullptr) return cudaSuccess;  // never recorded
  if (event.stream == &runtime().null_stream || runtime().streams.contains(event.stream))
    drain(*event.stream, event.position);
  return runtime().broken;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t queue, cudaStreamCaptureMode /*mode*/) {
  XR_GPU_CALL;
  Stream& stream = stream_of(queue);
  if (queue == nullptr || stream.recording != nullptr) return remember(cudaErrorStreamCaptureUnsupported);
  stream.recording = std::make_unique<Graph>();
  stream.capture_broken = false;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t queue, cudaGraph_t* graph) {
  XR_GPU_CALL;
  Stream& stream = stream_of(queue);
  *graph = nullptr;
  if (stream.recording == nullptr) return remember(cudaErrorIllegalState);
  std::unique_ptr<Graph> recorded = std::move(stream.recording);
  if (stream.capture_broken) return remember(cudaErrorStreamCaptureInvalidated);
  *graph = reinterpret_cast<cudaGraph_t>(recorded.release());
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* made, cudaGraph_t graph, unsigned long long /*flags*/) {
  XR_GPU_CALL;
  *made = reinterpret_cast<cudaGraphExec_t>(new Graph(*reinterpret_cast<Graph*>(graph)));
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  XR_GPU_CALL;
  delete reinterpret_cast<Graph*>(graph);
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
  XR_GPU_CALL;
  drain_all();
  delete reinterpret_cast<Graph*>(graph);
  return runtime().broken;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
  XR_GPU_CALL;
  for (const Work& work : reinterpret_cast<Graph*>(graph)->work) enqueue(stream_of(stream), work);
  return cudaSuccess;
}

}  // extern "C"
