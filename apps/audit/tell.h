// How the audit reports its progress.
#pragma once

#include <cstddef>
#include <functional>

#include "data/loader/jobs.h"

namespace xr::audit {

/// Called with what is being done, how much of it is done, and how much there is (0: not known). May be empty.
using Tell = std::function<void(const char*, std::size_t, std::size_t)>;

/// The progress of one thing that is being done; `tell` must outlive it.
[[nodiscard]] inline data::Progress telling(const Tell& tell, const char* what) {
  if (!tell) return {};
  return [&tell, what](std::size_t done, std::size_t total) { tell(what, done, total); };
}

}  // namespace xr::audit
