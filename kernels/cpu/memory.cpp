// Allocation, copies and what the backend says about itself.
//
// Blocks of at least 2 MiB come straight from the system, aligned to 2 MiB and marked for huge pages: a
// training step walks through several GB, and with 4 KiB pages its time goes into page faults and TLB misses.
#include "kernels/cpu/memory.h"

#include <dnnl.hpp>

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <string>
#include <thread>

#include "kernels/common/error_codes.h"
#include "kernels/common/parallel.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/primitives.h"

namespace xr::kernels::cpu {
namespace {

constexpr std::size_t alignment = 64;
constexpr std::size_t page = 4096;
constexpr std::size_t huge_page = std::size_t{2} << 20;
constexpr std::size_t checked_block = std::size_t{256} << 20;  // the system is asked before such blocks
constexpr std::int64_t copy_grain = std::int64_t{4} << 20;

#if defined(XR_SANITIZED)
constexpr bool use_huge_pages = false;  // sanitizers watch the heap only
#else
constexpr bool use_huge_pages = true;
#endif

constexpr std::size_t round_up(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

[[noreturn]] void throw_out_of_memory(std::size_t bytes) {
  throw Error(
      fmt::format("out of memory: cannot allocate {} MiB; use a smaller batch size, image size or network",
                  (bytes >> 20) + 1));
}

// Linux promises more memory than it has and ends the process that believes it. So: what is really there,
// the limit of this process's control group included.
std::size_t memory_within_reach() {
  std::size_t reach = std::numeric_limits<std::size_t>::max() / 2;
  std::ifstream meminfo("/proc/meminfo");
  for (std::string name, rest; meminfo >> name && name != "MemAvailable:";) std::getline(meminfo, rest);
  if (std::size_t kib = 0; meminfo >> kib) reach = kib << 10;
  std::ifstream limit("/sys/fs/cgroup/memory.max");
  if (std::size_t bytes = 0; limit >> bytes) reach = std::min(reach, bytes);
  return reach;
}

void* map_huge_pages(std::size_t bytes) {
  if (bytes > std::numeric_limits<std::size_t>::max() / 2) throw_out_of_memory(bytes);
  const std::size_t length = round_up(bytes, page);
  void* const mapped =
      mmap(nullptr, length + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw_out_of_memory(bytes);
  auto* const first = static_cast<std::byte*>(mapped);
  const std::size_t before =
      round_up(reinterpret_cast<std::uintptr_t>(first), huge_page) - reinterpret_cast<std::uintptr_t>(first);
  std::byte* const data = first + before;
  if (before > 0) munmap(first, before);
  if (before < huge_page) munmap(data + length, huge_page - before);
  madvise(data, length, MADV_HUGEPAGE);  // advice: without huge pages it works all the same
  return data;
}

std::string processor_name() {
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);)
    if (const std::size_t colon = line.find(": ");
        line.starts_with("model name") && colon != std::string::npos)
      return line.substr(colon + 2);
  return "unknown processor";
}

// Whether oneDNN may use it; each set is a mask that includes those below it.
bool has(dnnl::cpu_isa isa) {
  static const auto effective = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  return (effective & static_cast<unsigned>(isa)) == static_cast<unsigned>(isa);
}

const char* instruction_set() {
  if (has(dnnl::cpu_isa::avx512_core_amx)) return "AMX";
  if (has(dnnl::cpu_isa::avx512_core_bf16)) return "AVX-512 (with BF16)";
  if (has(dnnl::cpu_isa::avx512_core)) return "AVX-512";
  if (has(dnnl::cpu_isa::avx2)) return "AVX2";
  if (has(dnnl::cpu_isa::sse41)) return "SSE4.1";
  return "no vector instructions";
}

}  // namespace

void* allocate_memory(std::size_t bytes) {
  if (bytes >= checked_block && bytes > memory_within_reach()) throw_out_of_memory(bytes);
  if (bytes >= checked_block && bytes > memory_within_reach()) throw_out_of_memory(bytes);
  if (use_huge_pages && bytes >= huge_page) return map_huge_pages(bytes);
  const std::size_t rounded = round_up(std::max(bytes, alignment), alignment);
  void* const data = std::aligned_alloc(alignment, rounded);
  if (data == nullptr) throw_out_of_memory(bytes);
  return data;
}

void free_memory(void* data, std::size_t bytes) noexcept {
  if (data == nullptr) return;
  if (use_huge_pages && bytes >= huge_page)
    munmap(data, round_up(bytes, page));
  else
    std::free(data);
}

void* Workspace::get(std::size_t bytes) {
  if (data_ == nullptr || bytes > bytes_) {
    free_memory(data_, bytes_);
    data_ = nullptr;
    bytes_ = 0;
    data_ = allocate_memory(bytes);
    bytes_ = bytes;
  }
  return data_;
}

void copy_bytes(void* to, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  parallel_ranges(static_cast<std::int64_t>(bytes), copy_grain, [&](std::int64_t begin, std::int64_t end) {
    std::memcpy(static_cast<std::byte*>(to) + begin, static_cast<const std::byte*>(from) + begin,
                static_cast<std::size_t>(end - begin));
  });
}

CpuBackend::CpuBackend() : primitives_(std::make_unique<Primitives>()) {}
CpuBackend::~CpuBackend() = default;

std::string CpuBackend::name() const {
  return "cpu";
}

std::string CpuBackend::description() const {
  const dnnl_version_t* const version = dnnl_version();
  return fmt::format("{}, {} of {} cores, oneDNN {}.{}.{} with {}", processor_name(), thread_count(),
                     std::thread::hardware_concurrency(), version->major, version->minor, version->patch,
                     instruction_set());
}

DType CpuBackend::activation_type() const {
  return precision_ == Precision::bf16 ? DType::bf16 : DType::f32;
}

// oneDNN's kernels for AMX want channels_last, those for vectors blocked16.
Layout CpuBackend::preferred_layout(std::int64_t channels) const {
  if (precision_ == Precision::bf16 && has(dnnl::cpu_isa::avx512_core_amx))
    return channels > 1 ? Layout::channels_last : Layout::contiguous;
  return channels > 0 && channels % 16 == 0 ? Layout::blocked16 : Layout::contiguous;
}

void* CpuBackend::allocate(std::size_t bytes) {
  return allocate_memory(bytes);
}

void CpuBackend::deallocate(void* data, std::size_t bytes) noexcept {
  free_memory(data, bytes);
}

void CpuBackend::copy_from_host(void* device, const void* host, std::size_t bytes) {
  copy_bytes(device, host, bytes);
}

void CpuBackend::copy_to_host(void* host, const void* device, std::size_t bytes) {
  copy_bytes(host, device, bytes);
}

void CpuBackend::copy(void* to, const void* from, std::size_t bytes) {
  copy_bytes(to, from, bytes);
}

void CpuBackend::synchronize() {}  // every call has finished when it returns

bool CpuBackend::has_precision(Precision precision) const {
  return precision == Precision::fp32 ||
         (precision == Precision::bf16 && has(dnnl::cpu_isa::avx512_core_bf16));
}

void CpuBackend::record_conversions(std::vector<ConversionRecord>* records) {
  primitives_->record_conversions(records);
}

void CpuBackend::configure(const BackendOptions& options) {
  XR_CHECK_CODE(options.precision != Precision::tf32, error_code::precision_unsupported,
                "the CPU computes in fp32 or bf16, not in tf32");
  XR_CHECK_CODE(
      has_precision(options.precision), error_code::precision_unsupported,
      "this processor has no instructions for bf16 (AVX512-BF16 or AMX), or oneDNN may not use them");
  XR_CHECK_CODE(options.kernels != KernelChoice::cudnn, error_code::kernels_unsupported,
                "cuDNN runs on CUDA devices only, not on device cpu");
  precision_ = options.precision;
}

}  // namespace xr::kernels::cpu
