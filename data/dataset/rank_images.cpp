#include "data/dataset/rank_images.h"

#include "kernels/common/error.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <system_error>

namespace xr::data {

namespace fs = std::filesystem;

using engine::Incoming;
using engine::Outgoing;

namespace {

constexpr std::size_t no_slot = ~std::size_t{0};
constexpr std::size_t sent_at_once = std::size_t{32} << 20;  // bytes of images that a rank holds to send on

/// What is the same on ranks that see the same folder and mean the same file there, and on no others.
std::string file_key(const fs::path& file, int rank) {
  std::string own = fmt::format("rank {}", rank);
  if (file.empty()) return own;
  const fs::path folder = file.parent_path();
  std::error_code code;
  fs::create_directories(folder, code);
  struct stat status {};
  std::string boot;  // of the running system: names of hosts may repeat
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
  if (code || boot.empty() || ::stat(folder.c_str(), &status) != 0) return own;
  return fmt::format("{} {} {} {}", boot, status.st_dev, status.st_ino, file.filename().string());
}

}  // namespace

std::vector<int> find_groups(engine::Communicator& ranks, const fs::path& index_file) {
  const std::vector<std::string> keys = ranks.all_gather_text(file_key(index_file, ranks.rank()));
  std::vector<int> groups;
  for (const std::string& key : keys)
    groups.push_back(static_cast<int>(std::ranges::find(keys, key) - keys.begin()));
  return groups;
}

void stop_ranks(engine::Communicator& ranks, int rank, const std::string& message) {
  if (ranks.rank() != rank) ranks.barrier();  // ends here
  throw Error(ranks.rank() == rank ? ErrorCode{} : engine::rank_failed, message);
}

RankImages::RankImages(engine::Communicator& ranks, const std::vector<int>& groups, const RankFiles& files,
                       std::vector<RankImage>& images, SlotBytes bytes)
    : ranks_(ranks),
      groups_(groups),
      files_(files),
      images_(images),
      bytes_(bytes),
      slot_of_(files.count(), no_slot),
      decoded_by_(static_cast<std::size_t>(ranks.size())),
      segments_(static_cast<std::size_t>(ranks.size())),
      facts_(static_cast<std::size_t>(ranks.size()) * files.count()) {
  for (std::size_t i = 0; i < files_.count(); ++i)
    for (int rank = 0; rank < ranks_.size(); ++rank) {
      if (files_.is_cached(rank, i) || files_.source(rank, i) != rank) continue;
      ++decoded_by_[static_cast<std::size_t>(rank)];
      if (rank == ranks_.rank()) own_.push_back(i);
    }
  number_slots();
}

/// An image has a slot in the segment of a group if a rank lacks it whose file is that of the group's first.
void RankImages::number_slots() {
  const int first = group(ranks_.rank());
  for (std::size_t i = 0; i < files_.count(); ++i) {
    bool is_lacking = false;
    for (int rank = first; rank < ranks_.size(); ++rank)
      is_lacking = is_lacking || (group(rank) == first && !files_.is_cached(rank, i) &&
                                  files_.owner(rank, i) == files_.owner(first, i));
    if (!is_lacking) continue;
    slot_of_[i] = slots_.size();
    slots_.push_back(i);
  }
}

bool RankImages::is_in_segment(int rank, std::size_t image) const {
  const int first = group(rank);
  return segments_[static_cast<std::size_t>(first)] != 0 && !files_.is_cached(rank, image) &&
         files_.owner(rank, image) == files_.owner(first, image);
}

void RankImages::open(const std::function<std::unique_ptr<CacheSegment>()>& make,
                      const std::function<std::unique_ptr<CacheSegment>(std::uint64_t)>& join) {
  const int me = ranks_.rank();
  if (group(me) == me && !slots_.empty()) segment_ = make();
  const std::uint64_t id = segment_ ? segment_->id() : 0;
  ranks_.all_gather(std::as_bytes(std::span(&id, 1)), std::as_writable_bytes(std::span(segments_)));
  const std::uint64_t of_group = segments_[static_cast<std::size_t>(group(me))];
  if (group(me) != me && of_group != 0) segment_ = join(of_group);
  std::size_t apart = 0;  // images
  for (std::size_t i = 0; i < files_.count(); ++i)
    if (!files_.is_cached(me, i) && !is_in_segment(i)) ++apart;
  if (apart == 0) return;
  block_.reset(new std::uint8_t[apart * bytes_.all()]);
  std::uint8_t* next = block_.get();
  for (std::size_t i = 0; i < files_.count(); ++i) {
    if (files_.is_cached(me, i) || is_in_segment(i)) continue;
    images_[i].pixels = next;
    images_[i].facts = next + bytes_.pixels;
    next += bytes_.all();
  }
}

void RankImages::keep(std::size_t image, std::span<const std::uint8_t> bytes) {
  if (is_in_segment(image)) return segment_->store(slot_of_[image], bytes);
  std::ranges::copy(bytes, place_in_block(image));
}

std::uint8_t* RankImages::place_in_block(std::size_t image) const {
  return block_.get() + (images_[image].pixels - block_.get());
}

/// All pixels of a segment come before all facts (cache_segment.h).
void RankImages::point_into_map(std::size_t image) {
  if (!map_) map_ = segment_->map();
  const auto* const begin = reinterpret_cast<const std::uint8_t*>(map_->bytes().data());
  const std::size_t slot = slot_of_[image];
  images_[image].pixels = begin + slot * bytes_.pixels;
  images_[image].facts = begin + slots_.size() * bytes_.pixels + slot * bytes_.facts;
}

/// Whether `rank` has the pixels of an image that it or others lack.
bool RankImages::is_wanted_of(int rank, std::size_t image) const {
  if (files_.source(rank, image) != rank) return false;
  for (int other = 0; other < ranks_.size(); ++other)
    if (!files_.is_cached(other, image) && files_.source(other, image) == rank) return true;
  return false;
}

void RankImages::share_facts() {
  std::vector<Facts> mine;
  for (std::size_t i = 0; i < files_.count(); ++i)
    if (const RankImage& image = images_[i]; is_wanted_of(ranks_.rank(), i))
      mine.push_back({image.fingerprint, image.content, image.checksum, image.failure.empty() ? 0u : 1u});
  const std::vector<std::vector<std::byte>> all = ranks_.all_gather_parts(std::as_bytes(std::span(mine)));
  for (int rank = 0; rank < ranks_.size(); ++rank) {
    std::span<const std::byte> rest = all[static_cast<std::size_t>(rank)];
    for (std::size_t i = 0; i < files_.count(); ++i) {
      if (!is_wanted_of(rank, i)) continue;
      Facts& of_image = facts_[static_cast<std::size_t>(rank) * files_.count() + i];
      XR_CHECK(rest.size() >= sizeof of_image, "{} reports too few images", ranks_.describe(rank));
      std::ranges::copy(rest.first(sizeof of_image), std::as_writable_bytes(std::span(&of_image, 1)).begin());
      rest = rest.subspan(sizeof of_image);
      if (of_image.failed != 0) --decoded_by_[static_cast<std::size_t>(rank)];
    }
  }
}

/// Every rank learns why the images could not be decoded.
void RankImages::share_failures() {
  if (std::ranges::all_of(facts_, [](const Facts& of_image) { return of_image.failed == 0; })) return;
  std::string mine;
  for (std::size_t i = 0; i < files_.count(); ++i)
    if (facts(ranks_.rank(), i).failed != 0) mine += images_[i].failure + '\0';
  const std::vector<std::string> all = ranks_.all_gather_text(mine);
  for (int rank = 0; rank < ranks_.size(); ++rank) {
    const std::string& texts = all[static_cast<std::size_t>(rank)];
    std::size_t begin = 0;
    for (std::size_t i = 0; i < files_.count(); ++i) {
      if (facts(rank, i).failed == 0) continue;
      const std::size_t end = std::min(texts.find('\0', begin), texts.size());
      if (files_.source(ranks_.rank(), i) == rank) images_[i].failure = texts.substr(begin, end - begin);
      begin = std::min(end + 1, texts.size());
    }
  }
}

void RankImages::stop_where_failed(bool strict) const {
  for (std::size_t i = 0; i < files_.count(); ++i) {
    int failed = -1, decoded = -1;
    for (int rank = ranks_.size() - 1; rank >= 0; --rank)
      (facts(files_.source(rank, i), i).failed != 0 ? failed : decoded) = files_.source(rank, i);
    if (failed < 0) continue;
    if (decoded >= 0)
      stop_ranks(ranks_, failed,
                 fmt::format("{}; {} can decode its file of this name: give all ranks the same files",
                             images_[i].failure, ranks_.describe(decoded)));
    if (strict) stop_ranks(ranks_, failed, images_[i].failure + "; replace or remove the file");
  }
}

std::vector<RankImages::Delivery> RankImages::deliveries(std::size_t image) const {
  std::vector<Delivery> result;
  for (int rank = 0; rank < ranks_.size(); ++rank) {
    const int source = files_.source(rank, image), first = group(rank);
    if (files_.is_cached(rank, image) || facts(source, image).failed != 0) continue;
    if (!is_in_segment(rank, image)) {
      if (source != rank) result.push_back({image, source, rank, false});
      continue;
    }
    const bool is_stored = group(source) == first && !files_.is_cached(source, image);
    const bool is_sent = std::ranges::any_of(
        result, [&](const Delivery& other) { return other.to == first && other.into_segment; });
    if (!is_stored && !is_sent) result.push_back({image, source, first, true});
  }
  return result;
}

void RankImages::deliver(std::span<const Delivery> deliveries) {
  const int me = ranks_.rank();
  std::vector<Outgoing> sent;
  std::vector<Incoming> received;
  std::vector<std::vector<std::uint8_t>> slots(deliveries.size());
  for (std::size_t k = 0; k < deliveries.size(); ++k) {
    const Delivery& delivery = deliveries[k];
    if (delivery.from == me && is_in_segment(delivery.image)) point_into_map(delivery.image);
    const RankImage& image = images_[delivery.image];
    if (delivery.to == me && delivery.into_segment) slots[k].resize(bytes_.all());
    if (delivery.from == me && delivery.to == me) {
      std::copy_n(image.pixels, bytes_.pixels, slots[k].begin());
      std::copy_n(image.facts, bytes_.facts, slots[k].begin() + static_cast<std::ptrdiff_t>(bytes_.pixels));
    } else if (delivery.from == me) {
      sent.push_back({delivery.to, std::as_bytes(std::span(image.pixels, bytes_.pixels))});
      sent.push_back({delivery.to, std::as_bytes(std::span(image.facts, bytes_.facts))});
    } else if (delivery.to == me) {
      std::uint8_t* const place = delivery.into_segment ? slots[k].data() : place_in_block(delivery.image);
      const std::span<std::byte> bytes = std::as_writable_bytes(std::span(place, bytes_.all()));
      received.push_back({delivery.from, bytes.first(bytes_.pixels)});
      received.push_back({delivery.from, bytes.subspan(bytes_.pixels)});
      received_bytes_ += bytes.size();
    }
  }
  if (!sent.empty() || !received.empty()) ranks_.exchange(sent, received);
  for (std::size_t k = 0; k < deliveries.size(); ++k)
    if (!slots[k].empty()) segment_->store(slot_of_[deliveries[k].image], slots[k]);
}

void RankImages::exchange(bool strict) {
  share_facts();
  share_failures();
  stop_where_failed(strict);
  const std::size_t at_once = std::max<std::size_t>(1, sent_at_once / bytes_.all());
  for (std::size_t begin = 0; begin < files_.count(); begin += at_once) {
    std::vector<Delivery> part;
    for (std::size_t i = begin; i < std::min(files_.count(), begin + at_once); ++i)
      std::ranges::copy(deliveries(i), std::back_inserter(part));
    deliver(part);
  }
  if (segment_ && !map_) map_ = segment_->map();
  ranks_.barrier();  // all slots are written; the first of a group may remove a segment without an image
  for (std::size_t i = 0; i < files_.count(); ++i) {
    if (files_.is_cached(ranks_.rank(), i)) continue;
    RankImage& image = images_[i];
    if (!image.failure.empty()) {
      image.pixels = image.facts = nullptr;
      continue;
    }
    const Facts& known = facts(files_.source(ranks_.rank(), i), i);
    image.fingerprint = known.fingerprint;
    image.content = known.content;
    image.checksum = known.checksum;
    if (is_in_segment(i)) point_into_map(i);
  }
}

}  // namespace xr::data
