#include "kernels/backend.h"

#include <utility>

namespace xr::kernels {

namespace {

/// For devices whose copies have finished when they return.
class FinishedCopy final : public HostCopy {
 public:
  FinishedCopy(Backend& backend, std::size_t bytes) : backend_(backend), data_(bytes) {}
  void start(const void* device, std::size_t bytes) override {
    XR_CHECK(bytes <= data_.size(), "a copy of {} bytes to the host: {} were reserved", bytes, data_.size());
    bytes_ = bytes;
    backend_.copy_to_host(data_.data(), device, bytes);
  }
  std::span<const std::byte> wait() override { return {data_.data(), bytes_}; }

 private:
  Backend& backend_;
  std::vector<std::byte> data_;
  std::size_t bytes_ = 0;
};

}  // namespace

std::unique_ptr<HostCopy> Backend::make_host_copy(std::size_t bytes) {
  return std::make_unique<FinishedCopy>(*this, bytes);
}

Backend::CallTimer::CallTimer(Backend& backend, const CallRecord& record)
    : backend_(backend), records_(*std::exchange(backend.call_records_, nullptr)), number_(records_.size()) {
  records_.push_back(record);
  start_ = std::chrono::steady_clock::now();
}

Backend::CallTimer::~CallTimer() {
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start_;
  records_[number_].seconds = taken.count();
  backend_.call_records_ = &records_;
}

void Backend::begin_capture() {
  throw Error(fmt::format("device {} cannot record work: check can_capture() first", name()));
}

std::unique_ptr<Capture> Backend::end_capture() {
  throw Error(fmt::format("device {} cannot record work: check can_capture() first", name()));
}

}  // namespace xr::kernels
