// The form of torch.save's files before PyTorch 1.6 (and with _use_new_zipfile_serialization=False).
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <unordered_map>

#include "engine/io/file.h"
#include "engine/io/pytorch_storages.h"
#include "kernels/common/error_codes.h"

namespace xr::engine {

namespace {

constexpr std::string_view magic("\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 10);
constexpr std::int64_t protocol_version = 1001;
constexpr std::uint64_t count_bytes = 8;

class PytorchLegacy final : public PytorchStorages {
 public:
  explicit PytorchLegacy(const std::filesystem::path& path)
      : file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {
    struct stat status {};
    XR_CHECK_CODE(file_.get() >= 0 && ::fstat(file_.get(), &status) == 0, error_code::weights_damaged, "{}",
                  std::strerror(errno));
    size_ = static_cast<std::uint64_t>(status.st_size);
    PickleInput input([this](std::uint64_t offset, std::span<std::byte> to) { read_at(offset, to); }, 0,
                      size_);
    const PickleDocument number = read_pickle(input), version = read_pickle(input),
                         machine = read_pickle(input);
    require(number.root->kind == PickleKind::big_integer && number.root->text == magic,
            "its magic number differs");
    require(version.root->kind == PickleKind::integer && version.root->integer == protocol_version,
            "its version is not 1001");
    document_ = read_pickle(input);
    const PickleDocument keys = read_pickle(input);
    find_storages(*keys.root, input.position());
  }

  const PickleValue& root() const override { return *document_.root; }

  void check(const PickleStorage& storage) const override {
    require(places_.contains(storage.key), "a storage is missing");
    require(places_.at(storage.key).bytes == bytes_of(storage), "a storage claims two sizes");
  }

  std::vector<std::byte> read(const PickleStorage& storage) const override {
    const Place& place = places_.at(storage.key);
    std::vector<std::byte> bytes(place.bytes);
    read_at(place.begin, bytes);
    return bytes;
  }

  ByteOrder order() const override { return ByteOrder::little; }  // written so on every machine

 private:
  struct Place {
    std::uint64_t begin, bytes;
  };

  static void require(bool condition, const char* what) {
    XR_CHECK_CODE(condition, error_code::weights_damaged, "it is damaged: {}", what);
  }

  /// Their elements follow the pickles, in the order of the keys.
  void find_storages(const PickleValue& keys, std::uint64_t at) {
    require(keys.kind == PickleKind::list, "its storages have no list of keys");
    std::unordered_map<std::string, const PickleStorage*> known;
    for (const PickleValue& value : document_.values)
      if (value.kind == PickleKind::storage) known.emplace(value.storage->key, value.storage.get());
    for (const PickleValue* key : keys.items) {
      require(key->kind == PickleKind::text, "a storage has no key");
      const auto found = known.find(key->text);
      require(found != known.end(), "a storage has no type");
      require(count_bytes <= size_ - at, "it ends before its last storage");
      std::byte number[count_bytes];
      read_at(at, number);
      std::uint64_t count = 0;
      for (std::size_t i = count_bytes; i-- > 0;) count = count << 8 | static_cast<std::uint64_t>(number[i]);
      at += count_bytes;
      require(count == found->second->elements, "a storage claims two sizes");
      const std::uint64_t bytes = bytes_of(*found->second);
      require(bytes <= size_ - at, "it ends before its last storage");
      require(places_.emplace(key->text, Place{at, bytes}).second, "a storage is there twice");
      at += bytes;
    }
  }

  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::pread(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (count < 0 && errno == EINTR) continue;
      XR_CHECK_CODE(count >= 0, error_code::weights_damaged, "{}", std::strerror(errno));
      XR_CHECK_CODE(count > 0, error_code::weights_damaged, "it became shorter while it was read");
      bytes = bytes.subspan(static_cast<std::size_t>(count));
      offset += static_cast<std::uint64_t>(count);
    }
  }

  FileDescriptor file_;
  std::uint64_t size_ = 0;
  PickleDocument document_;
  std::unordered_map<std::string, Place> places_;
};

}  // namespace

std::unique_ptr<PytorchStorages> open_pytorch_legacy(const std::filesystem::path& path) {
  return std::make_unique<PytorchLegacy>(path);
}

}  // namespace xr::engine
