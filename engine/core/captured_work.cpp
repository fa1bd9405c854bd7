#include "engine/core/captured_work.h"

namespace xr::engine {

bool can_capture(const Device& device) {
  return kernels::backend(device).can_capture();
}

CapturedWork::CapturedWork(const Device& device, const std::function<void()>& work) : device_(device) {
  kernels::Backend& backend = kernels::backend(device);
  CachingAllocator& memory = allocator(device);
  backend.begin_capture();
  memory.begin_reservation();
  try {
    work();
  } catch (...) {
    memory.release_reservation(memory.end_reservation());
    try {
      (void)backend.end_capture();
    } catch (const Error&) {  // the first error says more than that its recording is of no use
    }
    throw;
  }
  reservation_ = memory.end_reservation();
  try {
    capture_ = backend.end_capture();
  } catch (...) {
    memory.release_reservation(reservation_);
    throw;
  }
}

CapturedWork::~CapturedWork() {
  try {
    kernels::backend(device_).synchronize();  // replays may still be queued
  } catch (const Error&) {                    // of earlier work; whoever waits for that hears of it
  }
  capture_.reset();
  allocator(device_).release_reservation(reservation_);
}

void CapturedWork::replay() {
  capture_->replay();
}

}  // namespace xr::engine
