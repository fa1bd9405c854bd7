// Loaded before the C library (LD_PRELOAD). Counts the operations that change files: opening for writing,
// fsync, rename, unlink, remove, mkdir. At operation XR_FAULT_AT (counted from 1) the program is killed, as
// by kill -9 or a power cut, or with XR_FAULT_ERRNO the operation fails with that error. With XR_FAULT_COUNT
// the number of operations is written to that file at the end. With XR_NO_LOCKS the file system has no locks.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

namespace {

std::atomic<long> operations{0};

long number(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? 0 : std::strtol(text, nullptr, 10);
}

// True if this operation is to fail, with errno set.
bool fault() {
  static const long at = number("XR_FAULT_AT");
  static const long error = number("XR_FAULT_ERRNO");
  if (++operations != at) return false;
  if (error == 0) (void)std::raise(SIGKILL);
  errno = static_cast<int>(error);
  return true;
}

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

struct Report {
  ~Report() {
    const char* path = std::getenv("XR_FAULT_COUNT");
    if (path == nullptr) return;
    if (std::FILE* file = std::fopen(path, "w")) {
      std::fprintf(file, "%ld", operations.load());
      std::fclose(file);
    }
  }
} report;

int open_with(const char* name, const char* path, int flags, mode_t mode) {
  if ((flags & (O_WRONLY | O_RDWR)) != 0 && fault()) return -1;
  return next<int(const char*, int, ...)>(name)(path, flags, mode);
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(list, mode_t) : 0;
  va_end(list);
  return open_with("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list list;
  va_start(list, flags);
  const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(list, mode_t) : 0;
  va_end(list);
  return open_with("open64", path, flags, mode);
}

int fsync(int file) {
  static const long slow = number("XR_SLOW_FSYNC");
  ::usleep(static_cast<useconds_t>(slow * 1000));
  return fault() ? -1 : next<int(int)>("fsync")(file);
}

int flock(int file, int operation) noexcept {
  if (number("XR_NO_LOCKS") != 0) {
    errno = ENOLCK;
    return -1;
  }
  return next<int(int, int)>("flock")(file, operation);
}

int rename(const char* from, const char* to) noexcept {
  return fault() ? -1 : next<int(const char*, const char*)>("rename")(from, to);
}

int unlink(const char* path) noexcept {
  return fault() ? -1 : next<int(const char*)>("unlink")(path);
}

int remove(const char* path) noexcept {
  return fault() ? -1 : next<int(const char*)>("remove")(path);
}

int mkdir(const char* path, mode_t mode) noexcept {
  return fault() ? -1 : next<int(const char*, mode_t)>("mkdir")(path, mode);
}
}
