#include "model/context.h"

#include <utility>

namespace xr::model {

void Context::do_on_host(std::function<void()> work) {
  work();
  if (recorded_host_work != nullptr) recorded_host_work->push_back(std::move(work));
}

}  // namespace xr::model
