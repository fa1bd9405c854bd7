// Messages between the devices of ranks that do not go through the host's memory.
#pragma once

#include <span>

#include "engine/distributed/communicator.h"
#include "kernels/registry.h"

namespace xr::engine {

class DeviceExchange {
 public:
  DeviceExchange(const DeviceExchange&) = delete;
  DeviceExchange& operator=(const DeviceExchange&) = delete;
  virtual ~DeviceExchange() = default;

  [[nodiscard]] const kernels::Device& device() const { return device_; }
  /// As Communicator::exchange, of bytes in the device's memory: queued behind the device's work, without waiting.
  virtual void exchange(std::span<const Outgoing> sent, std::span<const Incoming> received) = 0;

 protected:
  explicit DeviceExchange(const kernels::Device& device) : device_(device) {}

 private:
  kernels::Device device_;
};

}  // namespace xr::engine
