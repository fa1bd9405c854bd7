#include "engine/io/pytorch_file.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "engine/io/file.h"
#include "engine/io/pytorch_storages.h"
#include "engine/io/state_dictionary.h"
#include "kernels/common/error_codes.h"

namespace xr::engine {

namespace {

/// Elements that a tensor may have beyond those of its storage (strides of 0 repeat some).
constexpr std::uint64_t max_repeated = std::uint64_t{1} << 16;

void require(bool condition, const std::string& name, const char* what) {
  XR_CHECK_CODE(condition, error_code::weights_damaged, "it is damaged: its tensor {} {}", name, what);
}

/// a * b; false if that is beyond any file.
bool multiply(std::uint64_t a, std::uint64_t b, std::uint64_t& product) {
  constexpr std::uint64_t limit = std::uint64_t{1} << 60;
  if (a != 0 && b > limit / a) return false;
  product = a * b;
  return true;
}

/// Elements of the storage that a tensor refers to, with all that it claims checked.
struct Extent {
  std::uint64_t elements = 1;  ///< of the tensor
  std::uint64_t last = 0;      ///< from its first to its last in the storage
};

Extent checked_extent(const std::string& name, const PickleTensor& tensor) {
  Extent extent;
  for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
    const auto size = static_cast<std::uint64_t>(tensor.shape[d]);
    require(multiply(extent.elements, size, extent.elements), name, "claims too many elements");
    std::uint64_t step = 0;
    require(multiply(size == 0 ? 0 : size - 1, static_cast<std::uint64_t>(tensor.stride[d]), step), name,
            "has strides beyond its storage");
    extent.last += step;  // each below 2^60, at most five of them
  }
  // A storage without a type counts bytes, and has no parts.
  require(tensor.storage.typed || tensor.storage.part_elements == tensor.storage.elements, name,
          "is of a part of a storage without a type");
  const std::uint64_t there =
      tensor.storage.typed ? tensor.storage.part_elements : tensor.storage.elements / bytes_of(tensor.type);
  require(extent.elements == 0 || (tensor.offset < there && extent.last < there - tensor.offset), name,
          "lies outside of its storage");
  require(extent.elements <= std::max(there, max_repeated), name,
          "claims more elements than its storage has");
  return extent;
}

bool is_contiguous(const PickleTensor& tensor) {
  std::uint64_t expected = 1;
  for (std::size_t d = tensor.shape.size(); d-- > 0;) {
    if (tensor.shape[d] != 1 && static_cast<std::uint64_t>(tensor.stride[d]) != expected) return false;
    expected *= static_cast<std::uint64_t>(tensor.shape[d]);
  }
  return true;
}

/// Copies the elements of a storage that a tensor refers to, in row-major order.
void gather(const PickleTensor& tensor, std::span<const std::byte> from, std::span<std::byte> to) {
  const std::size_t width = bytes_of(tensor.type), rank = tensor.shape.size();
  if (is_contiguous(tensor)) {
    std::memcpy(to.data(), from.data(), to.size());
    return;
  }
  std::vector<std::int64_t> index(rank, 0);
  std::int64_t at = 0;
  for (std::size_t done = 0; done < to.size(); done += width) {
    std::memcpy(to.data() + done, from.data() + static_cast<std::size_t>(at) * width, width);
    for (std::size_t d = rank; d-- > 0;) {
      at += tensor.stride[d];
      if (++index[d] < tensor.shape[d]) break;
      at -= index[d] * tensor.stride[d];
      index[d] = 0;
    }
  }
}

class PytorchFile final : public WeightsFile {
 public:
  explicit PytorchFile(std::unique_ptr<PytorchStorages> storages)
      : storages_(std::move(storages)), dictionary_(find_state_dictionary(storages_->root())) {
    for (const auto& [name, tensor] : dictionary_.tensors) {
      storages_->check(tensor->storage);
      (void)checked_extent(name, *tensor);
      Shape shape;
      for (const std::int64_t extent : tensor->shape) shape.push_back(extent);
      tensors_.push_back({name, tensor->type, shape});
    }
  }

  const char* format() const override { return "PyTorch"; }
  const std::vector<StoredTensor>& tensors() const override { return tensors_; }
  const Metadata& metadata() const override { return metadata_; }
  const std::string& dictionary() const override { return dictionary_.name; }
  const std::vector<std::string>& ignored() const override { return dictionary_.ignored; }

  Tensor load(const StoredTensor& stored) const override {
    const auto found = std::ranges::find(dictionary_.tensors, stored.name,
                                         &std::pair<std::string, const PickleTensor*>::first);
    XR_CHECK_CODE(found != dictionary_.tensors.end(), error_code::weights_damaged, "it has no tensor {}",
                  stored.name);
    const PickleTensor& tensor = *found->second;
    const Extent extent = checked_extent(stored.name, tensor);
    const std::size_t width = bytes_of(tensor.type);
    std::vector<std::byte> bytes(extent.elements * width);
    if (!bytes.empty())
      gather(tensor,
             std::span(storage(tensor.storage))
                 .subspan((tensor.storage.part_begin + tensor.offset) * width, (extent.last + 1) * width),
             bytes);
    try {
      return tensor_of(bytes, tensor.type, storages_->order(), stored.shape);
    } catch (const Error& error) {
      throw Error(error.code(), fmt::format("its tensor {}: {}", stored.name, error.what()));
    }
  }

 private:
  /// Tensors that share a storage often follow one another.
  const std::vector<std::byte>& storage(const PickleStorage& storage) const {
    if (cached_key_ != storage.key || cached_.empty()) {
      cached_.clear();
      cached_ = storages_->read(storage);
      cached_key_ = storage.key;
    }
    return cached_;
  }

  std::unique_ptr<PytorchStorages> storages_;
  StateDictionary dictionary_;
  std::vector<StoredTensor> tensors_;
  Metadata metadata_;
  mutable std::string cached_key_;
  mutable std::vector<std::byte> cached_;
};

}  // namespace

std::uint64_t bytes_of(const PickleStorage& storage) {
  std::uint64_t bytes = 0;
  XR_CHECK_CODE(multiply(storage.elements, bytes_of(storage.type), bytes), error_code::weights_damaged,
                "it is damaged: its storage {} claims {} elements", storage.key, storage.elements);
  return bytes;
}

std::unique_ptr<WeightsFile> open_pytorch_file(const std::filesystem::path& path, bool is_zip) {
  return std::make_unique<PytorchFile>(is_zip ? open_pytorch_zip(path) : open_pytorch_legacy(path));
}

}  // namespace xr::engine
