// NCCL's functions, loaded at run time, with every status checked. The declarations are those of nccl.h of NCCL 2.7 to
// 2.28 (github.com/NVIDIA/nccl, src/nccl.h.in), which keep their binary form: no header of NCCL is needed.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace xr::engine::nccl {

/// ncclUniqueId: how the ranks of one communicator find each other.
struct UniqueId {
  char internal[128];
};
/// ncclComm_t, ncclResult_t (0 is success), ncclDataType_t, cudaStream_t
using Comm = struct OpaqueComm*;
using Result = int;
using DataType = int;
using Stream = void*;
inline constexpr DataType uint8 = 1;  // ncclUint8

class Library {
 public:
  /// `path`: a file, or empty: XR_NCCL_PATH, else libnccl.so.2 from the system's places. Throws Error
  /// (library_unavailable) that names the file and the remedy, or the function that it lacks.
  explicit Library(std::string path = {});

  /// "NCCL 2.21.5"
  [[nodiscard]] std::string version() const;
  /// Throws Error with the function's name and NCCL's text unless it is success.
  void check(Result result, const char* function) const;

 private:
  struct Close {
    void operator()(void* handle) const noexcept;
  };
  template <class Function>
  void find(Function*& function, const char* name);

  std::string path_;
  std::unique_ptr<void, Close> handle_;

 public:
  // As in nccl.h, without their prefix.
  Result (*get_version)(int* version);
  Result (*get_unique_id)(UniqueId* id);
  Result (*comm_init_rank)(Comm* comm, int ranks, UniqueId id, int rank);
  Result (*comm_destroy)(Comm comm);
  const char* (*get_error_string)(Result result);
  Result (*group_start)();
  Result (*group_end)();
  Result (*send)(const void* buffer, std::size_t count, DataType type, int peer, Comm comm, Stream stream);
  Result (*receive)(void* buffer, std::size_t count, DataType type, int peer, Comm comm, Stream stream);
};

}  // namespace xr::engine::nccl
