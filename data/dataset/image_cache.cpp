#include "data/dataset/image_cache.h"

#include "data/content_hash.h"
#include "engine/io/atomic_file.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>

namespace xr::data {

namespace fs = std::filesystem;

namespace {

constexpr char magic[8] = {'X', 'R', 'I', 'M', 'A', 'G', 'E', 'S'};
constexpr std::uint32_t format_version = 2;  // raise it when decoding, resizing or this layout changes
constexpr std::uint64_t max_cache_bytes = std::uint64_t{1} << 40;

struct Header {
  char magic[8];
  std::uint32_t version, shape, size, channels;
  std::uint64_t entry_count, index_bytes, index_checksum;
};
static_assert(std::has_unique_object_representations_v<Header>);

struct Record {  // followed by path_bytes bytes of path
  std::uint64_t file_size;
  std::int64_t modified_ns;
  std::uint64_t fingerprint, pixel_checksum, path_bytes;
};
static_assert(std::has_unique_object_representations_v<Record>);

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

template <class T>
void append(std::vector<std::byte>& bytes, const T& value) {
  const auto source = bytes_of(value);
  bytes.insert(bytes.end(), source.begin(), source.end());
}

Header make_header(const StoredFormat& format, std::uint64_t entries, std::span<const std::byte> index) {
  Header header{{},
                format_version,
                static_cast<std::uint32_t>(format.shape),
                static_cast<std::uint32_t>(format.size),
                static_cast<std::uint32_t>(format.channels),
                entries,
                index.size(),
                0};
  std::memcpy(header.magic, magic, sizeof magic);
  header.index_checksum = content_hash(index, content_hash(bytes_of(header)));
  return header;
}

bool take(std::span<const std::byte>& bytes, std::size_t count, std::span<const std::byte>& part) {
  if (bytes.size() < count) return false;
  part = bytes.first(count);
  bytes = bytes.subspan(count);
  return true;
}

}  // namespace

FileStamp stamp_of(const fs::path& path) {
  struct stat status {};
  XR_CHECK(::stat(path.c_str(), &status) == 0, "cannot read {}: {}", engine::quote_name(path),
           std::strerror(errno));
  return {static_cast<std::uint64_t>(status.st_size),
          std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
}

fs::path ImageCache::file_for(const fs::path& cache_directory, const fs::path& directory,
                              const StoredFormat& format) {
  std::error_code code;
  fs::path place = fs::canonical(directory, code);
  if (code) place = fs::absolute(directory, code);
  const std::uint64_t hash = content_hash(std::as_bytes(std::span(place.native())));
  const char* shape = format.shape == StoredShape::square ? "square" : "short";
  return cache_directory /
         fmt::format("images-{:016x}-{}{}x{}.bin", hash, shape, format.size, format.channels);
}

ImageCache::ImageCache(fs::path file, const StoredFormat& format) : file_(std::move(file)), format_(format) {
  std::error_code code;
  if (!fs::is_regular_file(file_, code)) return;
  try {
    read();
  } catch (const Error&) {
    entries_
        .clear();  // unreadable counts as absent: it is rebuilt, and writing it tells of a lasting problem
  }
}

void ImageCache::read() {
  const std::vector<std::byte> file = engine::read_file(file_, max_cache_bytes);
  std::span<const std::byte> rest = file, part, index;
  Header header;
  if (!take(rest, sizeof header, part)) return;
  std::memcpy(&header, part.data(), sizeof header);
  if (!take(rest, header.index_bytes, index)) return;
  const Header expected = make_header(format_, header.entry_count, index);
  if (std::memcmp(&header, &expected, sizeof header) != 0) return;
  for (std::uint64_t i = 0; i < header.entry_count; ++i) {
    Record record;
    std::span<const std::byte> path, pixels;
    if (!take(index, sizeof record, part)) return;
    std::memcpy(&record, part.data(), sizeof record);
    if (!take(index, record.path_bytes, path) || !take(rest, image_bytes(), pixels)) return;
    if (content_hash(pixels) != record.pixel_checksum) continue;
    const auto* first = reinterpret_cast<const std::uint8_t*>(pixels.data());
    entries_[{reinterpret_cast<const char*>(path.data()), path.size()}] = {
        {record.file_size, record.modified_ns}, record.fingerprint, {first, first + pixels.size()}};
  }
}

const ImageCache::Entry* ImageCache::find(const std::string& path, const FileStamp& stamp) const {
  const auto entry = entries_.find(path);
  return entry != entries_.end() && entry->second.stamp == stamp ? &entry->second : nullptr;
}

void ImageCache::insert(const std::string& path, Entry entry) {
  XR_CHECK(entry.pixels.size() == image_bytes(), "the cache takes {} bytes an image, not {}", image_bytes(),
           entry.pixels.size());
  entries_[path] = std::move(entry);
}

void ImageCache::drop_stale(const fs::path& directory) {
  std::erase_if(entries_, [&](const auto& entry) {
    try {
      return stamp_of(directory / entry.first) != entry.second.stamp;
    } catch (const Error&) {
      return true;
    }
  });
}

void ImageCache::write() const {
  std::vector<const std::pair<const std::string, Entry>*> sorted;
  for (const auto& entry : entries_) sorted.push_back(&entry);
  std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) { return a->first < b->first; });
  std::vector<std::byte> index;
  std::vector<std::span<const std::byte>> parts(2);
  for (const auto* entry : sorted) {
    const auto pixels = std::as_bytes(std::span(entry->second.pixels));
    const auto path = std::as_bytes(std::span(entry->first));
    append(index, Record{entry->second.stamp.size, entry->second.stamp.modified_ns, entry->second.fingerprint,
                         content_hash(pixels), path.size()});
    index.insert(index.end(), path.begin(), path.end());
    parts.push_back(pixels);
  }
  const Header header = make_header(format_, sorted.size(), index);
  parts[0] = bytes_of(header);
  parts[1] = index;
  std::error_code code;
  fs::create_directories(file_.parent_path(), code);
  XR_CHECK(!code, "cannot make the folder {}: {}", engine::quote_name(file_.parent_path()), code.message());
  engine::write_file_atomically(file_, parts, engine::Writers::many);  // runs may share a cache
}

}  // namespace xr::data
