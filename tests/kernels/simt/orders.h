// Running a test's kernels under each order of threads.
#pragma once

#include <string>

#include "kernels/common/error.h"
#include "kernels/simt/config.h"
#include "kernels/simt/device.h"

namespace xr::tests {

/// While it lives, launches follow this order.
class UseOrder {
 public:
  explicit UseOrder(kernels::simt::Order order) : before_(kernels::simt::config()) {
    kernels::simt::set_config({order, before_.seed});
  }
  ~UseOrder() { kernels::simt::set_config(before_); }
  UseOrder(const UseOrder&) = delete;
  UseOrder& operator=(const UseOrder&) = delete;

 private:
  kernels::simt::Config before_;
};

/// The message of the xr::Error that f() throws; empty if it throws none.
template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace xr::tests

/// Runs the rest of the test case once for each order.
#define XR_EVERY_ORDER()                                                                  \
  const auto order_in_use =                                                               \
      GENERATE(xr::kernels::simt::Order::forward, xr::kernels::simt::Order::reverse,      \
               xr::kernels::simt::Order::shuffled, xr::kernels::simt::Order::warp_first); \
  INFO("order " << xr::kernels::simt::order_name(order_in_use));                          \
  const xr::tests::UseOrder use_order(order_in_use)
