#include "engine/io/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "engine/io/file.h"
#include "kernels/common/error.h"

namespace xr::engine {

MappedFile::MappedFile(const std::filesystem::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  XR_CHECK(file.get() >= 0, "cannot open {}: {}", quote_name(path), std::strerror(errno));
  struct stat status {};
  XR_CHECK(::fstat(file.get(), &status) == 0, "cannot read {}: {}", quote_name(path), std::strerror(errno));
  XR_CHECK(S_ISREG(status.st_mode), "{} is not a regular file", quote_name(path));
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return;
  void* const start = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  XR_CHECK(start != MAP_FAILED, "cannot map {}: {}", quote_name(path), std::strerror(errno));
  bytes_ = {static_cast<const std::byte*>(start), size};
}

MappedFile::~MappedFile() {
  if (bytes_.empty()) return;
  (void)::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace xr::engine
