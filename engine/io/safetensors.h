// The safetensors file format: 8 bytes with the length of the header (little-endian), the header in JSON
// ({"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, "__metadata__": {"key":
// "text"}}), then the tensors' bytes, row-major. https://huggingface.co/docs/safetensors
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/io/atomic_file.h"
#include "engine/io/element_type.h"
#include "engine/train/parameter.h"
#include "kernels/common/error.h"

namespace xr::engine {

/// Of an error: a value of a checkpoint is NaN or infinite.
inline constexpr ErrorCode weights_not_finite{"weights-not-finite"};

using Metadata = std::map<std::string, std::string>;

/// Writes the file whole or not at all. f32 and i64 tensors of any device.
void save_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                      const Metadata& metadata = {}, Writers writers = Writers::one);

/// The same without the last step: all bytes are written, and the tensors may change again, but the file
/// appears only with commit(), which waits for the disk.
[[nodiscard]] std::unique_ptr<AtomicFile> write_safetensors(const std::filesystem::path& path,
                                                            const std::vector<NamedTensor>& tensors,
                                                            const Metadata& metadata = {},
                                                            Writers writers = Writers::one);

/// Bytes that save_safetensors would write, nearly: without the header.
[[nodiscard]] std::uint64_t safetensors_bytes(const std::vector<NamedTensor>& tensors);

/// A file opened for reading. Everything in the header is checked before anything is believed: the length,
/// the JSON, names used twice, element types, that shapes and offsets agree, and that the tensors fill the
/// file without overlap or gap.
class SafetensorsFile {
 public:
  struct Entry {
    std::string name;
    ElementType type = ElementType::f32;
    std::optional<DType> dtype = DType::f32;  ///< none: a type that the engine does not have
    Shape shape;
    std::uint64_t begin = 0, end = 0;  // within the data
  };

  /// Throws Error that names the file and what is wrong with it.
  explicit SafetensorsFile(const std::filesystem::path& path);
  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] const Metadata& metadata() const { return metadata_; }
  /// The entry of that name, or nullptr.
  [[nodiscard]] const Entry* find(const std::string& name) const;
  /// The entry's bytes, little-endian.
  [[nodiscard]] std::vector<std::byte> bytes_of(const std::string& name) const;
  /// A new tensor with the entry's elements. Throws Error for an entry without a dtype.
  [[nodiscard]] Tensor load(const std::string& name, const Device& device = {}) const;
  /// Overwrites `tensor`, whose dtype and shape must be the entry's.
  void load_into(const std::string& name, Tensor tensor) const;
  /// The same, but throws Error (weights_not_finite) at the first value that is NaN or infinite.
  void load_finite(const std::string& name, Tensor tensor) const;

 private:
  void parse_header(const std::string& header, std::uint64_t data_bytes);
  void read(std::uint64_t offset, void* to, std::size_t bytes) const;
  [[nodiscard]] const Entry& entry_of(const std::string& name) const;
  /// Hands each chunk to `check`, with the place of its first byte in the tensor.
  template <class Check>
  void load_checked(const std::string& name, Tensor tensor, Check&& check) const;
  [[noreturn]] void fail(const std::string& reason) const;

  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t data_begin_ = 0;
  std::vector<Entry> entries_;
  Metadata metadata_;
};

/// Overwrites all `tensors` with the file's. Throws Error, before anything is changed, that names the first
/// tensor that is missing, unknown, or of another type or shape; and, with weights_not_finite, when
/// those before it are changed, the first with a value that is NaN or infinite.
void load_state(const SafetensorsFile& file, const std::vector<NamedTensor>& tensors,
                const std::string& path);

}  // namespace xr::engine
