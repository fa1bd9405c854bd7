// A shared library that is opened at run time: the program starts without it and says what is missing when it
// is needed.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace xr::kernels::cudnn {

/// What to open, and what to say if it is not there.
struct LibraryFile {
  std::string product;               ///< "cuDNN"
  std::string name;                  ///< "libcudnn.so.9"
  std::vector<std::string> folders;  ///< where to look first, then in the system's own places
  std::string remedy;                ///< what a user can do
};

/// The folders in the environment variable XR_CUDNN_PATH (separated by colons), then `built_with`: where the
/// build found the library.
[[nodiscard]] std::vector<std::string> library_folders(const std::string& built_with);

class SharedLibrary {
 public:
  /// Throws Error that names the file, where it was looked for and the remedy.
  explicit SharedLibrary(const LibraryFile& file);

  /// The address of a function; throws Error that names it and the file if the library lacks it.
  template <class Function>
  [[nodiscard]] Function* function(const char* name) const {
    return reinterpret_cast<Function*>(address(name));
  }
  /// Where the library was found, as it was opened.
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  [[nodiscard]] void* address(const char* name) const;

  struct Close {
    void operator()(void* handle) const noexcept;
  };
  std::string product_, path_;
  std::unique_ptr<void, Close> handle_;
};

}  // namespace xr::kernels::cudnn
