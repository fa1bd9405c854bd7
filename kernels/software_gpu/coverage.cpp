#include "kernels/software_gpu/coverage.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <sstream>

#include "kernels/software_gpu/fault.h"

namespace xr::software_gpu {

namespace {

/// The file, locked until the end of the scope.
class LockedFile {
 public:
  explicit LockedFile(const std::string& path)
      : path_(path), file_(open(path.c_str(), O_RDWR | O_CREAT, 0666)) {
    if (file_ < 0 || flock(file_, LOCK_EX) != 0) fail();
  }
  LockedFile(const LockedFile&) = delete;
  LockedFile& operator=(const LockedFile&) = delete;
  ~LockedFile() { close(file_); }

  std::string read_all() {
    std::string text;
    char part[65536];
    ssize_t n = 0;
    while ((n = read(file_, part, sizeof(part))) > 0) text.append(part, static_cast<std::size_t>(n));
    if (n < 0) fail();
    return text;
  }

  void replace(const std::string& text) {
    if (pwrite(file_, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()) ||
        ftruncate(file_, static_cast<off_t>(text.size())) != 0)
      fail();
  }

 private:
  [[noreturn]] void fail() { end_program("XR_GPU_COVERAGE=" + path_ + ": " + std::strerror(errno)); }

  std::string path_;
  int file_;
};

using Kernels = std::map<std::string, Coverage>;

// A line a kernel: its name, its launches, and "1" or "0" for each instruction.
Kernels parse(const std::string& path, const std::string& text) {
  Kernels result;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string name, bits, rest;
    u64 launches = 0;
    if (!(words >> name >> launches >> bits) || words >> rest ||
        bits.find_first_not_of("01") != std::string::npos)
      end_program("XR_GPU_COVERAGE=" + path + " has a line that is none of a coverage: remove it");
    Coverage& kernel = result[name];
    kernel.launches = launches;
    for (const char bit : bits) kernel.reached.push_back(bit == '1');
  }
  return result;
}

std::string to_text(const Kernels& kernels) {
  std::string text;
  for (const auto& [name, kernel] : kernels) {
    text += name + " " + std::to_string(kernel.launches) + " ";
    for (const bool reached : kernel.reached) text += reached ? '1' : '0';
    text += '\n';
  }
  return text;
}

}  // namespace

Kernels read_coverage(const std::string& path) {
  LockedFile file(path);
  return parse(path, file.read_all());
}

void add_coverage(const std::string& path, const std::vector<const Kernel*>& kernels) {
  LockedFile file(path);
  Kernels all = parse(path, file.read_all());
  for (const Kernel* kernel : kernels) {
    Coverage& coverage = all[kernel->name];
    const std::size_t count =
        kernel->code.size() - 1;  // the last one ends every kernel's code and is not the kernel's
    if (coverage.reached.empty()) coverage.reached.resize(count);
    if (coverage.reached.size() != count)
      end_program("XR_GPU_COVERAGE=" + path + " is of another build: remove it");
    coverage.launches += kernel->launches;
    for (std::size_t i = 0; i < count; ++i)
      if (kernel->counters[i].lanes != 0) coverage.reached[i] = true;
  }
  file.replace(to_text(all));
}

}  // namespace xr::software_gpu
