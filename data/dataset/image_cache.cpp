#include "data/dataset/image_cache.h"

#include "data/content_hash.h"
#include "engine/io/atomic_file.h"
#include "engine/io/file.h"
#include "kernels/common/error.h"

#include <algorithm>
#include <chrono>
#include <cstring>

namespace xr::data {

namespace fs = std::filesystem;

namespace {

constexpr char magic[8] = {'X', 'R', 'I', 'M', 'A', 'G', 'E', 'S'};
constexpr std::uint32_t format_version = 6;  // raise it when decoding, resizing or this layout changes
constexpr std::uint64_t max_index_bytes = std::uint64_t{1} << 34;
constexpr std::size_t max_summaries = 64;
constexpr std::size_t max_segments = 256;           // of one loading they are up to 64 (image_loading.cpp)
constexpr auto orphan_age = std::chrono::hours(1);  // a segment that another run is writing is younger

struct Header {
  char magic[8];
  std::uint32_t version, shape, size, channels;
  std::uint64_t entry_count, segment_count, summary_count, index_bytes, index_checksum;
};
static_assert(std::has_unique_object_representations_v<Header>);

struct SegmentRecord {
  std::uint64_t id, slots;
  FileStamp stamp;
};
static_assert(std::has_unique_object_representations_v<SegmentRecord>);

struct SummaryRecord {
  std::uint64_t key;
  PixelSummary pixels;
};
static_assert(std::has_unique_object_representations_v<SummaryRecord>);

struct Record {  // followed by path_bytes bytes of path
  FileStamp stamp;
  std::uint64_t content, fingerprint, segment, slot, checksum, path_bytes;
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

Header make_header(const StoredFormat& format, std::uint64_t entries, std::uint64_t segments,
                   std::uint64_t summaries, std::span<const std::byte> index) {
  Header header{{},
                format_version,
                static_cast<std::uint32_t>(format.shape),
                static_cast<std::uint32_t>(format.size),
                static_cast<std::uint32_t>(format.channels),
                entries,
                segments,
                summaries,
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

template <class T>
bool take(std::span<const std::byte>& bytes, T& value) {
  std::span<const std::byte> part;
  if (!take(bytes, sizeof value, part)) return false;
  std::memcpy(&value, part.data(), sizeof value);
  return true;
}

SlotBytes slot_parts(const StoredFormat& format) {
  constexpr std::size_t facts = picture_print_bytes + picture_marks_bytes;
  return {slot_bytes(format) - facts, facts};
}

}  // namespace

fs::path ImageCache::file_for(const fs::path& cache_directory, const fs::path& directory,
                              const StoredFormat& format) {
  std::error_code code;
  fs::path place = fs::canonical(directory, code);
  if (code) place = fs::absolute(directory, code);
  const std::uint64_t hash = content_hash(std::as_bytes(std::span(place.native())));
  const char* shape = format.shape == StoredShape::square ? "square" : "short";
  return cache_directory / fmt::format("images-{:016x}-{}{}x{}{}{}.bin", hash, shape, format.size,
                                       format.channels, format.depths.empty() ? "" : "-",
                                       format.depths.text());
}

ImageCache::ImageCache(fs::path file, const StoredFormat& format) : file_(std::move(file)), format_(format) {
  std::error_code code;
  if (!fs::is_regular_file(file_, code)) return;
  try {
    read();
  } catch (const Error&) {
    entries_.clear();  // unreadable counts as absent: it is rebuilt; writing it reports a lasting problem
    segments_.clear();
    summaries_.clear();
  }
}

void ImageCache::read() {
  const std::vector<std::byte> file = engine::read_file(file_, max_index_bytes);
  std::span<const std::byte> rest = file, index;
  Header header;
  if (!take(rest, header) || !take(rest, header.index_bytes, index) || !rest.empty()) return;
  const Header expected =
      make_header(format_, header.entry_count, header.segment_count, header.summary_count, index);
  if (std::memcmp(&header, &expected, sizeof header) != 0) return;
  read_segments(index, header.segment_count);
  for (std::uint64_t i = 0; i < header.summary_count; ++i) {
    SummaryRecord record;
    if (!take(index, record)) return;
    summaries_.push_back({record.key, record.pixels});
  }
  for (std::uint64_t i = 0; i < header.entry_count; ++i) {
    Record record;
    std::span<const std::byte> path;
    if (!take(index, record) || !take(index, record.path_bytes, path)) return;
    if (record.segment >= segments_.size() || segments_[record.segment].file == nullptr ||
        record.slot >= segments_[record.segment].slots)
      continue;
    entries_[{reinterpret_cast<const char*>(path.data()), path.size()}] = {
        record.stamp, record.content, record.fingerprint, record.segment, record.slot, record.checksum};
  }
}

void ImageCache::read_segments(std::span<const std::byte>& index, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    SegmentRecord record;
    if (!take(index, record)) return;
    Segment segment{record.id, record.slots, nullptr, record.stamp};
    try {
      segment.intact = stamp_of(file_of(segment)) == record.stamp;
      if (!segment.intact) segment.stamp = {};
      auto map = std::make_shared<const engine::MappedFile>(file_of(segment));
      if (map->bytes().size() / slot_bytes(format_) >= record.slots) segment.file = std::move(map);
    } catch (const Error&) {
      segment.file = nullptr;  // its images are decoded again
    }
    segments_.push_back(std::move(segment));
    known_ids_.push_back(record.id);
  }
}

fs::path ImageCache::file_of(const Segment& segment) const {
  return CacheSegment::file_of(file_.parent_path(), file_.stem().string(), segment.id);
}

const std::uint8_t* ImageCache::pixels_of(const Entry& entry) const {
  return reinterpret_cast<const std::uint8_t*>(segments_[entry.segment].file->bytes().data()) +
         entry.slot * slot_parts(format_).pixels;
}

const std::uint8_t* ImageCache::facts_of(const Entry& entry) const {
  const Segment& segment = segments_[entry.segment];
  const SlotBytes bytes = slot_parts(format_);
  return reinterpret_cast<const std::uint8_t*>(segment.file->bytes().data()) + segment.slots * bytes.pixels +
         entry.slot * bytes.facts;
}

std::optional<ImageCache::Hit> ImageCache::find(const std::string& path, const fs::path& full_path) const {
  const auto found = entries_.find(path);
  if (found == entries_.end()) return std::nullopt;
  const Entry& entry = found->second;
  const Segment& segment = segments_[entry.segment];
  Hit hit{segment.file,    pixels_of(entry),
          facts_of(entry), entry.fingerprint,
          entry.checksum,  entry.segment,
          entry.content,   entry.stamp,
          false,           {}};
  try {
    if (stamp_of(full_path) != entry.stamp) {
      hit.stamp = lasting_stamp_of(full_path);  // before the content is read: a later change is noticed
      if (hit.stamp->size != entry.stamp.size || file_content_hash(full_path) != entry.content)
        return std::nullopt;
      hit.file_stamp = *hit.stamp;
      if (hit.stamp == entry.stamp) hit.stamp.reset();  // still just written
    }
  } catch (const Error&) {
    return std::nullopt;  // the decoding names the missing or unreadable file
  }
  if (segment.intact) return hit;
  ContentHasher hasher;
  hasher.add(std::as_bytes(std::span(hit.pixels, slot_parts(format_).pixels)));
  hasher.add(std::as_bytes(std::span(hit.facts, slot_parts(format_).facts)));
  if (hasher.value() != entry.checksum) return std::nullopt;
  hit.verified = true;
  return hit;
}

void ImageCache::restamp(const std::string& path, const FileStamp& stamp) {
  entries_.at(path).stamp = stamp;
}

std::unique_ptr<CacheSegment> ImageCache::new_segment(std::size_t slots) const {
  std::error_code code;
  fs::create_directories(file_.parent_path(), code);
  XR_CHECK(!code, "cannot make the folder {}: {}", engine::quote_name(file_.parent_path()), code.message());
  return std::make_unique<CacheSegment>(file_.parent_path(), file_.stem().string(), slots,
                                        slot_parts(format_));
}

std::unique_ptr<CacheSegment> ImageCache::open_segment(std::uint64_t id, std::size_t slots) const {
  return CacheSegment::open(file_.parent_path(), file_.stem().string(), id, slots, slot_parts(format_));
}

void ImageCache::add(CacheSegment& segment, const std::shared_ptr<const engine::MappedFile>& map,
                     const std::vector<std::pair<std::string, Entry>>& entries) {
  segments_.push_back({segment.id(), segment.slots(), map});
  known_ids_.push_back(segment.id());
  segment.keep();
  for (const auto& [path, entry] : entries) {
    Entry& added = entries_[path] = entry;
    added.segment = segments_.size() - 1;
  }
}

std::optional<PixelSummary> ImageCache::find_summary(std::span<const std::uint64_t> checksums) const {
  const auto found = std::ranges::find(summaries_, content_hash(std::as_bytes(checksums)), &Summary::key);
  return found == summaries_.end() ? std::nullopt : std::optional(found->pixels);
}

void ImageCache::add_summary(std::span<const std::uint64_t> checksums, const PixelSummary& summary) {
  if (summaries_.size() >= max_summaries) summaries_.erase(summaries_.begin());
  summaries_.push_back({content_hash(std::as_bytes(checksums)), summary});
}

void ImageCache::trust(std::uint64_t segment_id, const FileStamp& stamp) {
  for (Segment& segment : segments_)
    if (segment.id == segment_id) segment.stamp = stamp;
}

std::size_t ImageCache::trust_verified(std::span<const std::optional<Hit>> hits) {
  std::vector<std::uint64_t> unseen(segments_.size());
  for (const auto& [path, entry] : entries_) ++unseen[entry.segment];
  for (const std::optional<Hit>& hit : hits)
    if (hit && hit->verified) --unseen[hit->segment];
  std::size_t trusted = 0;
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    if (segments_[i].intact || unseen[i] > 0) continue;
    const std::optional<FileStamp> stamp = CacheSegment::sync(file_of(segments_[i]));
    if (!stamp) continue;
    segments_[i].stamp = *stamp;
    ++trusted;
  }
  return trusted;
}

void ImageCache::drop_gone(const fs::path& directory) {
  std::erase_if(entries_, [&](const auto& entry) {
    try {
      return stamp_of(directory / entry.first).size != entry.second.stamp.size;
    } catch (const Error&) {
      return true;
    }
  });
}

/// Copies what is used into one new segment if more than half of all slots are not, or if there are many
/// segments; drops those without an entry.
void ImageCache::compact() {
  std::vector<std::uint64_t> used(segments_.size());
  for (const auto& [path, entry] : entries_) ++used[entry.segment];
  std::uint64_t slots = 0, segments = 0;
  for (std::size_t i = 0; i < segments_.size(); ++i)
    if (used[i] > 0) slots += segments_[i].slots, ++segments;
  std::vector<std::pair<const std::string, Entry>*> order;
  for (auto& entry : entries_) order.push_back(&entry);
  std::ranges::sort(order, {}, [](const auto* entry) { return entry->first; });
  if (slots > 2 * entries_.size() || segments > max_segments) {
    const std::unique_ptr<CacheSegment> segment = new_segment(entries_.size());
    const SlotBytes bytes = slot_parts(format_);
    std::vector<std::uint8_t> slot(bytes.all());
    for (std::size_t i = 0; i < order.size(); ++i) {
      std::copy_n(pixels_of(order[i]->second), bytes.pixels, slot.begin());
      std::copy_n(facts_of(order[i]->second), bytes.facts,
                  slot.begin() + static_cast<std::ptrdiff_t>(bytes.pixels));
      segment->store(i, slot);
    }
    for (std::size_t i = 0; i < order.size(); ++i) {
      order[i]->second.segment = 0;
      order[i]->second.slot = i;
    }
    const bool intact = std::ranges::all_of(segments_, [&](const Segment& from) {
      return from.stamp.size > 0 || used[&from - segments_.data()] == 0;
    });
    segments_ = {{segment->id(), entries_.size(), segment->map()}};
    segment->keep();
    if (intact) segments_[0].stamp = CacheSegment::sync(segment->path()).value_or(FileStamp{});
    return;
  }
  std::vector<Segment> kept;
  std::vector<std::uint64_t> place(segments_.size());
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    place[i] = kept.size();
    if (used[i] > 0) kept.push_back(segments_[i]);
  }
  for (auto* entry : order) entry->second.segment = place[entry->second.segment];
  segments_ = std::move(kept);
}

void ImageCache::write() {
  try {
    compact();
  } catch (const Error&) {
    // What is unused stays: it is tried again the next time, and a full disk is reported by save().
  }
  save();
  remove_unused();
}

void ImageCache::save() const {
  std::vector<const std::pair<const std::string, Entry>*> sorted;
  for (const auto& entry : entries_) sorted.push_back(&entry);
  std::ranges::sort(sorted, {}, [](const auto* entry) { return entry->first; });
  std::vector<std::byte> index;
  for (const Segment& segment : segments_)
    append(index, SegmentRecord{segment.id, segment.slots, segment.stamp});
  for (const Summary& summary : summaries_) append(index, SummaryRecord{summary.key, summary.pixels});
  for (const auto* item : sorted) {
    const Entry& entry = item->second;
    append(index, Record{entry.stamp, entry.content, entry.fingerprint, entry.segment, entry.slot,
                         entry.checksum, item->first.size()});
    const auto path = std::as_bytes(std::span(item->first));
    index.insert(index.end(), path.begin(), path.end());
  }
  const Header header = make_header(format_, sorted.size(), segments_.size(), summaries_.size(), index);
  const std::span<const std::byte> parts[] = {bytes_of(header), index};
  std::error_code code;
  fs::create_directories(file_.parent_path(), code);
  XR_CHECK(!code, "cannot make the folder {}: {}", engine::quote_name(file_.parent_path()), code.message());
  engine::write_file_atomically(file_, parts, engine::Writers::many);  // runs may share a cache
}

/// Segments that the index no longer names, and those that a killed program left. Of two runs that write at
/// the same time the last index counts; the other's segments are removed later.
void ImageCache::remove_unused() const {
  const std::string stem = file_.stem().string();
  std::error_code code;
  std::vector<fs::path> unused;
  for (fs::directory_iterator entry(file_.parent_path(), code), end; !code && entry != end;
       entry.increment(code)) {
    const std::uint64_t id = CacheSegment::id_in(entry->path().filename().string(), stem);
    if (id == 0 || std::ranges::find(segments_, id, &Segment::id) != segments_.end()) continue;
    std::error_code ignored;
    const auto age = fs::file_time_type::clock::now() - fs::last_write_time(entry->path(), ignored);
    if (std::ranges::find(known_ids_, id) != known_ids_.end() || (!ignored && age > orphan_age))
      unused.push_back(entry->path());
  }
  for (const fs::path& path : unused) fs::remove(path, code);  // what stays takes space, and is tried again
}

}  // namespace xr::data
