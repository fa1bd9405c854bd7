#include "kernels/cudnn/shared_library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <sstream>

#include "kernels/common/error_codes.h"

namespace xr::kernels::cudnn {

namespace {

/// dlerror's text on one line.
std::string last_error() {
  const char* text = dlerror();
  std::string line = text == nullptr ? "unknown error" : text;
  for (char& character : line)
    if (character == '\n') character = ' ';
  return line;
}

}  // namespace

std::vector<std::string> library_folders(const std::string& built_with) {
  std::vector<std::string> folders;
  if (const char* path = std::getenv("XR_CUDNN_PATH"); path != nullptr) {
    std::istringstream list(path);
    for (std::string folder; std::getline(list, folder, ':');)
      if (!folder.empty()) folders.push_back(folder);
  }
  if (!built_with.empty()) folders.push_back(built_with);
  return folders;
}

SharedLibrary::SharedLibrary(const LibraryFile& file) : product_(file.product) {
  std::vector<std::string> paths;
  for (const std::string& folder : file.folders) paths.push_back(folder + '/' + file.name);
  paths.push_back(file.name);  // LD_LIBRARY_PATH and the system's folders
  std::string reason;
  for (const std::string& path : paths) {
    handle_.reset(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE));
    if (handle_) {
      path_ = path;
      return;
    }
    reason = last_error();
  }
  throw Error(error_code::library_unavailable,
              fmt::format("{} is not available: {} was not found or cannot be loaded ({}); {}", file.product,
                          file.name, reason, file.remedy));
}

void* SharedLibrary::address(const char* name) const {
  dlerror();
  void* symbol = dlsym(handle_.get(), name);
  XR_CHECK(symbol != nullptr, "{} is too old or damaged: {} has no function {}; install a newer one",
           product_, path_, name);
  return symbol;
}

void SharedLibrary::Close::operator()(void* handle) const noexcept {
  dlclose(handle);
}

}  // namespace xr::kernels::cudnn
