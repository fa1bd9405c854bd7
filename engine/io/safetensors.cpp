#include "engine/io/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "engine/core/autograd.h"
#include "engine/io/file.h"
#include "engine/io/weights_kind.h"
#include "engine/ops/reorder.h"
#include "kernels/common/error_codes.h"

namespace xr::engine {

namespace {

using nlohmann::json;

constexpr std::uint64_t max_header_bytes = 16 << 20;  // a few hundred tensors take some 30 KB
constexpr std::size_t chunk_bytes = std::size_t{4} << 20;

const char* format_name(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "F32";
    case DType::bf16:
      return "BF16";
    case DType::i64:
      return "I64";
    case DType::i32:
      return "I32";
    case DType::u8:
      return "U8";
  }
  return "";
}

// The file's own order: wider elements first, so that all are aligned, then by name.
std::vector<NamedTensor> file_order(std::vector<NamedTensor> tensors) {
  std::ranges::stable_sort(tensors, [](const NamedTensor& a, const NamedTensor& b) {
    const std::size_t wide_a = kernels::size_of(a.tensor.dtype()),
                      wide_b = kernels::size_of(b.tensor.dtype());
    return wide_a != wide_b ? wide_a > wide_b : a.name < b.name;
  });
  return tensors;
}

std::string make_header(const std::vector<NamedTensor>& tensors, const Metadata& metadata) {
  json header = json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const NamedTensor& entry : tensors) {
    XR_CHECK(!header.contains(entry.name), "two tensors are called {}", entry.name);
    const std::uint64_t end = offset + entry.tensor.view().bytes();
    header[entry.name] = {
        {"dtype", format_name(entry.tensor.dtype())},
        {"shape", std::vector<std::int64_t>(entry.tensor.shape().begin(), entry.tensor.shape().end())},
        {"data_offsets", {offset, end}}};
    offset = end;
  }
  // Metadata may hold names of folders, which are any bytes: what is no UTF-8 is replaced, not refused.
  std::string text = header.dump(-1, ' ', false, json::error_handler_t::replace);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the data starts aligned
  return text;
}

}  // namespace

std::uint64_t safetensors_bytes(const std::vector<NamedTensor>& tensors) {
  std::uint64_t bytes = 0;
  for (const NamedTensor& entry : tensors) bytes += entry.tensor.view().bytes();
  return bytes;
}

void save_safetensors(const std::filesystem::path& path, const std::vector<NamedTensor>& tensors,
                      const Metadata& metadata, Writers writers) {
  write_safetensors(path, tensors, metadata, writers)->commit();
}

std::unique_ptr<AtomicFile> write_safetensors(const std::filesystem::path& path,
                                              const std::vector<NamedTensor>& tensors,
                                              const Metadata& metadata, Writers writers) {
  const std::vector<NamedTensor> ordered = file_order(tensors);
  const std::string header = make_header(ordered, metadata);
  auto file = std::make_unique<AtomicFile>(path, writers);
  const std::uint64_t length = header.size();
  std::byte prefix[8];
  for (int i = 0; i < 8; ++i) prefix[i] = static_cast<std::byte>(length >> (8 * i) & 0xFF);
  file->write(prefix);
  file->write(header);
  std::vector<std::byte> chunk;
  const NoGradGuard no_grad;
  for (const NamedTensor& entry : ordered) {
    const Tensor plain = reorder(entry.tensor, Layout::contiguous);
    const auto* data = plain.view().as<std::byte>();
    for (std::size_t done = 0, total = plain.view().bytes(); done < total; done += chunk.size()) {
      chunk.resize(std::min(chunk_bytes, total - done));
      plain.backend().copy_to_host(chunk.data(), data + done, chunk.size());
      file->write(chunk);
    }
  }
  return file;
}

namespace {

/// Of names that a wrapper put something before, as PyTorch's DataParallel does with "module.".
std::string prefix_hint(const SafetensorsFile& file, const std::string& name) {
  for (const SafetensorsFile::Entry& entry : file.entries())
    if (entry.name.ends_with('.' + name))
      return fmt::format(", but one {}: remove '{}' from the beginning of its names", quote_name(entry.name),
                         entry.name.substr(0, entry.name.size() - name.size()));
  return {};
}

const char* type_text(const SafetensorsFile::Entry& entry) {
  return entry.dtype ? kernels::name_of(*entry.dtype) : name_of(entry.type);
}

/// What stands in a checkpoint's place by mistake is called what it is; damaged checkpoints are told apart later.
void refuse_foreign(const std::filesystem::path& path) {
  const WeightsKind kind = weights_kind_of(path);
  if (kind == WeightsKind::pytorch_zip || kind == WeightsKind::pytorch_legacy)
    throw Error(error_code::weights_of_pytorch,
                fmt::format("{} is a PyTorch file, not a checkpoint of this program", quote_name(path)));
  if (kind == WeightsKind::lfs_pointer || kind == WeightsKind::web_page || kind == WeightsKind::hdf5)
    refuse_foreign_kind(kind, path);
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : path_(path) {
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) fail(std::strerror(errno));
  try {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) fail(std::strerror(errno));
    if (!S_ISREG(status.st_mode)) fail("it is not a regular file");
    const auto size = static_cast<std::uint64_t>(status.st_size);
    refuse_foreign(path);
    if (size < 8) fail(fmt::format("it has {} bytes, too few for a safetensors file", size));
    unsigned char prefix[8];
    read(0, prefix, sizeof prefix);
    std::uint64_t length = 0;
    for (int i = 7; i >= 0; --i) length = length << 8 | prefix[i];
    if (length > max_header_bytes || length > size - 8)
      fail(fmt::format("its header claims {} bytes; the file is truncated or no safetensors file", length));
    std::string header(length, '\0');
    read(8, header.data(), header.size());
    data_begin_ = 8 + length;
    parse_header(header, size - data_begin_);
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

SafetensorsFile::~SafetensorsFile() {
  ::close(descriptor_);
}

void SafetensorsFile::fail(const std::string& reason) const {
  throw Error(fmt::format("cannot read checkpoint {}: {}", path_.string(), reason));
}

void SafetensorsFile::read(std::uint64_t offset, void* to, std::size_t bytes) const {
  auto* cursor = static_cast<std::byte*>(to);
  while (bytes > 0) {
    const ssize_t got = ::pread(descriptor_, cursor, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(std::strerror(errno));
    if (got == 0) fail("it ends too early: the file is truncated");
    cursor += got;
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::size_t>(got);
  }
}

const SafetensorsFile::Entry* SafetensorsFile::find(const std::string& name) const {
  const auto found = std::ranges::find(entries_, name, &Entry::name);
  return found == entries_.end() ? nullptr : &*found;
}

const SafetensorsFile::Entry& SafetensorsFile::entry_of(const std::string& name) const {
  const Entry* entry = find(name);
  if (entry == nullptr) fail(fmt::format("it has no tensor {}", name));
  return *entry;
}

std::vector<std::byte> SafetensorsFile::bytes_of(const std::string& name) const {
  const Entry& entry = entry_of(name);
  std::vector<std::byte> bytes(entry.end - entry.begin);
  read(data_begin_ + entry.begin, bytes.data(), bytes.size());
  return bytes;
}

Tensor SafetensorsFile::load(const std::string& name, const Device& device) const {
  const Entry& entry = entry_of(name);
  if (!entry.dtype)
    fail(fmt::format("its tensor {} has elements of {}, which a checkpoint has not", name,
                     name_of(entry.type)));
  Tensor tensor = Tensor::empty(entry.shape, {*entry.dtype, device, Layout::contiguous});
  load_into(name, tensor);
  return tensor;
}

template <class Check>
void SafetensorsFile::load_checked(const std::string& name, Tensor tensor, Check&& check) const {
  const Entry* entry = &entry_of(name);
  if (entry->dtype != tensor.dtype() || entry->shape != tensor.shape() ||
      tensor.layout() != Layout::contiguous)
    fail(fmt::format("its tensor {} is {} {}, expected is {} {}", name, type_text(*entry),
                     entry->shape.to_string(), kernels::name_of(tensor.dtype()), tensor.shape().to_string()));
  auto* to = tensor.mutable_view().as<std::byte>();
  std::vector<std::byte> chunk;
  for (std::uint64_t at = entry->begin; at < entry->end; at += chunk.size()) {
    chunk.resize(static_cast<std::size_t>(std::min<std::uint64_t>(chunk_bytes, entry->end - at)));
    read(data_begin_ + at, chunk.data(), chunk.size());
    check(std::span<const std::byte>(chunk), at - entry->begin);
    tensor.backend().copy_from_host(to + (at - entry->begin), chunk.data(), chunk.size());
  }
}

void SafetensorsFile::load_into(const std::string& name, Tensor tensor) const {
  load_checked(name, std::move(tensor), [](std::span<const std::byte>, std::uint64_t) {});
}

void SafetensorsFile::load_finite(const std::string& name, Tensor tensor) const {
  if (tensor.dtype() != DType::f32) return load_into(name, std::move(tensor));
  load_checked(name, std::move(tensor), [&](std::span<const std::byte> chunk, std::uint64_t offset) {
    for (std::size_t at = 0; at + sizeof(float) <= chunk.size(); at += sizeof(float)) {
      float value = 0;
      std::memcpy(&value, chunk.data() + at, sizeof value);
      if (std::isfinite(value)) continue;
      throw Error(weights_not_finite, fmt::format("checkpoint {} cannot be used: value {} of {} is {}",
                                                  path_.string(), (offset + at) / sizeof(float), name,
                                                  std::isnan(value) ? "NaN (not a number)" : "infinite"));
    }
  });
}

void load_state(const SafetensorsFile& file, const std::vector<NamedTensor>& tensors,
                const std::string& path) {
  std::set<std::string> known;
  for (const NamedTensor& wanted : tensors) {
    known.insert(wanted.name);
    const SafetensorsFile::Entry* entry = file.find(wanted.name);
    XR_CHECK(entry != nullptr, "checkpoint {} does not fit the network: it has no tensor {}{}", path,
             wanted.name, prefix_hint(file, wanted.name));
    XR_CHECK(entry->dtype == wanted.tensor.dtype() && entry->shape == wanted.tensor.shape(),
             "checkpoint {} does not fit the network: {} is {} {}, the network has {} {}", path, wanted.name,
             type_text(*entry), entry->shape.to_string(), kernels::name_of(wanted.tensor.dtype()),
             wanted.tensor.shape().to_string());
  }
  for (const SafetensorsFile::Entry& entry : file.entries())
    XR_CHECK(known.contains(entry.name),
             "checkpoint {} does not fit the network: it has a tensor {} too many", path, entry.name);
  for (const NamedTensor& wanted : tensors) file.load_finite(wanted.name, wanted.tensor);
}

}  // namespace xr::engine
