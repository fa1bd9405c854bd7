#include "engine/distributed/nccl_library.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>

#include "kernels/common/error.h"
#include "kernels/common/error_codes.h"

namespace xr::engine::nccl {

namespace {

std::string path_of_library(std::string path) {
  if (!path.empty()) return path;
  const char* const chosen = std::getenv("XR_NCCL_PATH");
  return chosen != nullptr && *chosen != '\0' ? chosen : "libnccl.so.2";
}

std::string reason_of_dlopen() {
  const char* const text = dlerror();
  std::string line = text == nullptr ? "unknown error" : text;
  std::ranges::replace(line, '\n', ' ');
  return line;
}

}  // namespace

template <class Function>
void Library::find(Function*& function, const char* name) {
  void* const symbol = dlsym(handle_.get(), name);
  XR_CHECK(symbol != nullptr, "NCCL is too old or damaged: {} has no function {}; install a newer one", path_,
           name);
  function = reinterpret_cast<Function*>(symbol);
}

Library::Library(std::string path) : path_(path_of_library(std::move(path))) {
  handle_.reset(dlopen(path_.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE));
  if (!handle_)
    throw Error(error_code::library_unavailable,
                fmt::format("NCCL is not available: {} was not found or cannot be loaded ({}); install "
                            "libnccl2, or name the file in XR_NCCL_PATH",
                            path_, reason_of_dlopen()));
  find(get_version, "ncclGetVersion");
  find(get_unique_id, "ncclGetUniqueId");
  find(comm_init_rank, "ncclCommInitRank");
  find(comm_destroy, "ncclCommDestroy");
  find(get_error_string, "ncclGetErrorString");
  find(group_start, "ncclGroupStart");
  find(group_end, "ncclGroupEnd");
  find(send, "ncclSend");
  find(receive, "ncclRecv");
}

void Library::Close::operator()(void* handle) const noexcept {
  dlclose(handle);
}

// 2.9 and later: 10000 major + 100 minor + patch; before 1000 major.
std::string Library::version() const {
  int number = 0;
  check(get_version(&number), "ncclGetVersion");
  const int major = number >= 10000 ? number / 10000 : number / 1000;
  const int rest = number >= 10000 ? number % 10000 : number % 1000;
  return fmt::format("NCCL {}.{}.{}", major, rest / 100, rest % 100);
}

void Library::check(Result result, const char* function) const {
  if (result != 0) throw Error(fmt::format("{} failed: {}", function, get_error_string(result)));
}

}  // namespace xr::engine::nccl
