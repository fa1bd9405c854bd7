// The zip form of torch.save's files.
#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "engine/io/pytorch_storages.h"
#include "engine/io/zip.h"
#include "kernels/common/error_codes.h"

namespace xr::engine {

namespace {

constexpr std::string_view pickle_name = "data.pkl";

class PytorchZip final : public PytorchStorages {
 public:
  explicit PytorchZip(const std::filesystem::path& path) : file_(path) {
    checksums_ = Checksums::ignored;
    for (const ZipMember& member : file_.members()) {
      members_.emplace(member.name, &member);
      if (member.checksum != 0) checksums_ = Checksums::verified;
    }
    find_folder();
    read_order();
    read_root();
  }

  const PickleValue& root() const override { return *document_.root; }

  void check(const PickleStorage& storage) const override {
    const std::uint64_t claimed = bytes_of(storage), there = member_of(storage).size;
    XR_CHECK_CODE(claimed == there, error_code::weights_damaged,
                  "it is damaged: its storage {} claims {} bytes, {} are there", storage.key, claimed, there);
  }

  std::vector<std::byte> read(const PickleStorage& storage) const override {
    return bytes_of_member(member_of(storage));
  }

  ByteOrder order() const override { return order_; }

 private:
  /// The archive's one folder, with its slash.
  void find_folder() {
    for (const ZipMember& member : file_.members()) {
      const std::size_t slash = member.name.rfind('/');
      const std::size_t begin = slash == std::string::npos ? 0 : slash + 1;
      if (member.name.compare(begin, std::string::npos, pickle_name) != 0) continue;
      folder_ = member.name.substr(0, begin);
      XR_CHECK_CODE(!members_.contains(folder_ + "constants.pkl"), error_code::weights_not_plain,
                    "it is a TorchScript archive, which holds code: save the model's state_dict() instead");
      return;
    }
    throw Error(error_code::weights_unrecognised, "it is a zip archive without PyTorch's data.pkl");
  }

  void read_order() {
    const auto found = members_.find(folder_ + "byteorder");
    if (found == members_.end()) return;  // before PyTorch 2.1
    XR_CHECK_CODE(found->second->size <= 16, error_code::weights_damaged,
                  "it is damaged: its byteorder has {} bytes", found->second->size);
    const std::vector<std::byte> bytes = bytes_of_member(*found->second);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    XR_CHECK_CODE(text == "little" || text == "big", error_code::weights_damaged,
                  "it is damaged: its byteorder is neither little nor big");
    order_ = text == "little" ? ByteOrder::little : ByteOrder::big;
  }

  void read_root() {
    const ZipMember& member = *members_.at(folder_ + std::string(pickle_name));
    XR_CHECK_CODE(member.size <= max_pickle_bytes, error_code::weights_damaged,
                  "its pickle has {} bytes, more than {}", member.size, max_pickle_bytes);
    const std::vector<std::byte> bytes = bytes_of_member(member);
    PickleInput input(
        [&](std::uint64_t offset, std::span<std::byte> to) {
          std::memcpy(to.data(), bytes.data() + offset, to.size());
        },
        0, bytes.size());
    document_ = read_pickle(input);
  }

  const ZipMember& member_of(const PickleStorage& storage) const {
    const auto found = members_.find(folder_ + "data/" + storage.key);
    XR_CHECK_CODE(found != members_.end(), error_code::weights_damaged,
                  "it is damaged: its storage {} is missing", storage.key);
    return *found->second;
  }

  std::vector<std::byte> bytes_of_member(const ZipMember& member) const {
    const std::unique_ptr<ZipReader> reader = file_.open(member, checksums_);
    std::vector<std::byte> bytes(member.size);
    reader->read(bytes);
    return bytes;
  }

  ZipFile file_;
  std::unordered_map<std::string, const ZipMember*> members_;
  std::string folder_;
  Checksums checksums_ = Checksums::verified;  ///< torch.serialization.set_crc32_options(False): all are 0
  ByteOrder order_ = ByteOrder::little;
  PickleDocument document_;
};

}  // namespace

std::unique_ptr<PytorchStorages> open_pytorch_zip(const std::filesystem::path& path) {
  return std::make_unique<PytorchZip>(path);
}

}  // namespace xr::engine
