#include "kernels/registry.h"

#include <map>
#include <mutex>
#include <utility>

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

Backend& backend(const Device& device) {
  // Never destroyed: when statics are, the libraries that a backend would say goodbye to may be gone already.
  static auto& mutex = *new std::mutex;
  static auto& backends = *new std::map<std::pair<DeviceType, int>, std::unique_ptr<Backend>>;
  const std::lock_guard lock(mutex);
  std::unique_ptr<Backend>& slot = backends[{device.type, device.index}];
  if (!slot) {
    switch (device.type) {
      case DeviceType::cpu:
        slot = make_cpu_backend();
        break;
      case DeviceType::cuda:
        slot = make_cuda_backend(device.index);
        break;
      case DeviceType::simt:
        slot = make_simt_backend();
        break;
    }
  }
  return *slot;
}

}  // namespace xr::kernels
