#include "kernels/registry.h"

#include <array>
#include <atomic>
#include <mutex>

#include "kernels/common/error_codes.h"

namespace xr::kernels {

std::string Device::to_string() const {
  switch (type) {
    case DeviceType::cpu:
      return "cpu";
    case DeviceType::cuda:
      return fmt::format("cuda:{}", index);
    case DeviceType::simt:
      return "simt";
  }
  return "unknown";
}

Device Device::parse(const std::string& text) {
  if (text == "cpu") return {DeviceType::cpu, 0};
  if (text == "simt") return {DeviceType::simt, 0};
  if (text == "cuda") return {DeviceType::cuda, 0};
  if (text.starts_with("cuda:") && text.size() > 5 && text.size() < 9 &&
      text.find_first_not_of("0123456789", 5) == std::string::npos)
    return {DeviceType::cuda, std::stoi(text.substr(5))};
  throw Error(fmt::format("unknown device '{}': use cpu, cuda, cuda:N or simt", text));
}

namespace {

constexpr int max_device_index = 64;

std::unique_ptr<Backend> make_backend(const Device& device) {
  switch (device.type) {
    case DeviceType::cpu:
      return make_cpu_backend();
    case DeviceType::cuda:
      return make_cuda_backend(device.index);
    case DeviceType::simt:
      return make_simt_backend();
  }
  throw Error("unknown type of device");
}

}  // namespace

Backend& backend(const Device& device) {
  // Never destroyed: when statics are, the libraries that a backend would say goodbye to may be gone already.
  static std::array<std::array<std::atomic<Backend*>, max_device_index>, 3> backends{};
  XR_CHECK_CODE(device.index >= 0 && device.index < max_device_index, error_code::device_unavailable,
                "device {} does not exist", device.to_string());
  std::atomic<Backend*>& slot =
      backends[static_cast<std::size_t>(device.type)][static_cast<std::size_t>(device.index)];
  if (Backend* const made = slot.load(std::memory_order_acquire)) return *made;
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  if (slot.load(std::memory_order_relaxed) == nullptr)
    slot.store(make_backend(device).release(), std::memory_order_release);
  return *slot.load(std::memory_order_relaxed);
}

}  // namespace xr::kernels
