#include "engine/io/weights_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "engine/io/file.h"
#include "engine/io/pytorch_file.h"
#include "engine/io/weights_kind.h"
#include "kernels/common/error_codes.h"

namespace xr::engine {

namespace {

/// Errors of the reader have a code and do not name the file; those of the archive that it reads do.
template <class Action>
auto naming_errors(const std::filesystem::path& path, Action&& action) {
  try {
    return action();
  } catch (const Error& error) {
    if (error.code() == ErrorCode{}) throw Error(error_code::weights_damaged, error.what());
    throw Error(error.code(), fmt::format("cannot read {}: {}", quote_name(path), error.what()));
  }
}

/// A file of tensors with names, as any program writes it.
class SafetensorsWeights final : public WeightsFile {
 public:
  explicit SafetensorsWeights(const std::filesystem::path& path) : path_(path), file_(path) {
    for (const SafetensorsFile::Entry& entry : file_.entries())
      tensors_.push_back({entry.name, entry.type, entry.shape});
  }

  const char* format() const override { return "safetensors"; }
  const std::vector<StoredTensor>& tensors() const override { return tensors_; }
  const Metadata& metadata() const override { return file_.metadata(); }
  const std::string& dictionary() const override { return dictionary_; }
  const std::vector<std::string>& ignored() const override { return ignored_; }
  Tensor load(const StoredTensor& tensor) const override {
    return naming_errors(path_, [&] {
      return tensor_of(file_.bytes_of(tensor.name), tensor.type, ByteOrder::little, tensor.shape);
    });
  }

 private:
  std::filesystem::path path_;
  SafetensorsFile file_;
  std::vector<StoredTensor> tensors_;
  std::string dictionary_;
  std::vector<std::string> ignored_;
};

/// A reader whose errors name the file.
class NamedWeights final : public WeightsFile {
 public:
  NamedWeights(std::unique_ptr<WeightsFile> file, std::filesystem::path path)
      : file_(std::move(file)), path_(std::move(path)) {}

  const char* format() const override { return file_->format(); }
  const std::vector<StoredTensor>& tensors() const override { return file_->tensors(); }
  const Metadata& metadata() const override { return file_->metadata(); }
  const std::string& dictionary() const override { return file_->dictionary(); }
  const std::vector<std::string>& ignored() const override { return file_->ignored(); }
  Tensor load(const StoredTensor& tensor) const override {
    return naming_errors(path_, [&] { return file_->load(tensor); });
  }

 private:
  std::unique_ptr<WeightsFile> file_;
  std::filesystem::path path_;
};

void require_regular_file(const std::filesystem::path& path) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  XR_CHECK(file.get() >= 0, "cannot open {}: {}", quote_name(path), std::strerror(errno));
  struct stat status {};
  XR_CHECK(::fstat(file.get(), &status) == 0, "cannot read {}: {}", quote_name(path), std::strerror(errno));
  XR_CHECK(S_ISREG(status.st_mode), "{} is not a regular file", quote_name(path));
}

}  // namespace

std::unique_ptr<WeightsFile> open_weights(const std::filesystem::path& path) {
  require_regular_file(path);
  const WeightsKind kind = weights_kind_of(path);
  refuse_foreign_kind(kind, path);
  if (kind == WeightsKind::safetensors) return std::make_unique<SafetensorsWeights>(path);
  return naming_errors(path, [&] {
    return std::make_unique<NamedWeights>(open_pytorch_file(path, kind == WeightsKind::pytorch_zip), path);
  });
}

Tensor tensor_of(std::span<const std::byte> bytes, ElementType type, ByteOrder order, const Shape& shape) {
  const auto count = static_cast<std::size_t>(shape.numel());
  if (is_floating(type)) {
    std::vector<float> values(count);
    to_floats(bytes, type, order, values);
    return Tensor::from_host(std::span<const float>(values), shape);
  }
  std::vector<std::int64_t> values(count);
  to_integers(bytes, type, order, values);
  return Tensor::from_host(std::span<const std::int64_t>(values), shape);
}

}  // namespace xr::engine
