#include "data/dataset/rank_files.h"

#include "data/loader/jobs.h"
#include "kernels/common/error.h"

#include <algorithm>
#include <numeric>

namespace xr::data {

namespace {

struct SharedContent {
  std::uint64_t hash = 0, unreadable = 0;
};

bool is_same_stamp(const RankFile& a, const RankFile& b) {
  if (a.unreadable != b.unreadable) return false;
  return a.unreadable != 0 || (a.stamp == b.stamp && a.stamp.changed_ns >= 0);  // not of a file just written
}

bool is_same_content(const RankFile& a, const RankFile& b) {
  return a.unreadable == 0 && b.unreadable == 0 && a.stamp.size == b.stamp.size && a.content == b.content;
}

}  // namespace

RankFiles::RankFiles(engine::Communicator& ranks, std::vector<RankFile> own,
                     const std::function<std::uint64_t(std::size_t)>& content_of, int workers)
    : count_(own.size()),
      ranks_(ranks.size()),
      files_(count_ * static_cast<std::size_t>(ranks_)),
      owners_(files_.size()),
      sources_(files_.size()) {
  ranks.all_gather(std::as_bytes(std::span(own)), std::as_writable_bytes(std::span(files_)));
  find_equal_stamps();
  share_contents(ranks, content_of, workers);
  find_equal_contents();
  choose_sources();
}

void RankFiles::find_equal_stamps() {
  for (std::size_t i = 0; i < count_; ++i)
    for (int rank = 0; rank < ranks_; ++rank) {
      int& owner = owners_[place(rank, i)] = rank;
      for (int other = 0; other < rank && owner == rank; ++other)
        if (owners_[place(other, i)] == other && is_same_stamp(file(other, i), file(rank, i))) owner = other;
    }
}

/// Of files whose stamps are the same one rank works out the content, where another file of this size may be the same.
std::vector<std::size_t> RankFiles::files_to_hash(int rank) const {
  std::vector<std::size_t> result;
  for (std::size_t i = 0; i < count_; ++i) {
    const int own = owner(rank, i);
    std::vector<int> same;
    bool is_open = false, is_known = false;
    for (int other = 0; other < ranks_; ++other) {
      const RankFile& of_other = file(other, i);
      if (of_other.unreadable != 0) continue;
      if (owner(other, i) == own) {
        same.push_back(other);
        is_known = is_known || of_other.content != 0;
      } else {
        is_open = is_open || of_other.stamp.size == file(rank, i).stamp.size;
      }
    }
    if (is_open && !is_known && !same.empty() && same[i % same.size()] == rank) result.push_back(i);
  }
  return result;
}

void RankFiles::share_contents(engine::Communicator& ranks,
                               const std::function<std::uint64_t(std::size_t)>& content_of, int workers) {
  std::vector<std::vector<std::size_t>> hashed;
  for (int rank = 0; rank < ranks_; ++rank) hashed.push_back(files_to_hash(rank));
  if (std::ranges::all_of(hashed, [](const auto& images) { return images.empty(); })) return;
  const std::vector<std::size_t>& mine = hashed[static_cast<std::size_t>(ranks.rank())];
  std::vector<SharedContent> contents(mine.size());
  run_jobs(mine.size(), workers, {}, [&](std::size_t k) {
    try {
      contents[k].hash = content_of(mine[k]);
    } catch (const Error&) {
      contents[k].unreadable = 1;
    }
  });
  const std::vector<std::vector<std::byte>> all = ranks.all_gather_parts(std::as_bytes(std::span(contents)));
  for (int rank = 0; rank < ranks_; ++rank) {
    const auto r = static_cast<std::size_t>(rank);
    std::vector<SharedContent> of_rank(hashed[r].size());
    const std::span<std::byte> bytes = std::as_writable_bytes(std::span(of_rank));
    XR_CHECK(all[r].size() == bytes.size(), "{} hashed {} bytes of files instead of {}", ranks.describe(rank),
             all[r].size(), bytes.size());
    std::ranges::copy(all[r], bytes.begin());
    for (std::size_t k = 0; k < of_rank.size(); ++k) {
      RankFile& of_image = files_[place(rank, hashed[r][k])];
      of_image.content = of_rank[k].hash;
      of_image.unreadable = static_cast<std::uint32_t>(of_rank[k].unreadable);
    }
  }
}

/// Joins what find_equal_stamps() found.
void RankFiles::find_equal_contents() {
  for (std::size_t i = 0; i < count_; ++i) {
    // Of each owner: the content that one of its ranks knows.
    for (int rank = 0; rank < ranks_; ++rank) {
      RankFile& first = files_[place(owner(rank, i), i)];
      if (first.content == 0) first.content = file(rank, i).content;
    }
    std::vector<int> joined(static_cast<std::size_t>(ranks_));
    std::iota(joined.begin(), joined.end(), 0);
    for (int rank = 0; rank < ranks_; ++rank) {
      if (owner(rank, i) != rank) continue;
      for (int other = 0; other < rank; ++other) {
        if (owner(other, i) != other || joined[static_cast<std::size_t>(other)] != other) continue;
        if (file(rank, i).content == 0 || !is_same_content(file(other, i), file(rank, i))) continue;
        joined[static_cast<std::size_t>(rank)] = other;
        break;
      }
    }
    for (int rank = 0; rank < ranks_; ++rank) {
      int& owner_of = owners_[place(rank, i)];
      owner_of = joined[static_cast<std::size_t>(owner_of)];
    }
  }
}

void RankFiles::choose_sources() {
  std::vector<std::size_t> decoded(static_cast<std::size_t>(ranks_));
  std::vector<int> with_file, with_pixels;
  for (std::size_t i = 0; i < count_; ++i)
    for (int first = 0; first < ranks_; ++first) {
      if (owner(first, i) != first) continue;
      with_file.clear();
      with_pixels.clear();
      for (int rank = first; rank < ranks_; ++rank) {
        if (owner(rank, i) != first) continue;
        with_file.push_back(rank);
        if (is_cached(rank, i)) with_pixels.push_back(rank);
      }
      int& source = sources_[place(first, i)];
      if (!with_pixels.empty()) {
        source = with_pixels[i % with_pixels.size()];
        continue;
      }
      source = *std::ranges::min_element(with_file, {},
                                         [&](int rank) { return decoded[static_cast<std::size_t>(rank)]; });
      ++decoded[static_cast<std::size_t>(source)];
    }
}

bool RankFiles::are_all_cached() const {
  return std::ranges::all_of(files_, [](const RankFile& file) { return file.cached != 0; });
}

std::optional<RankFiles::Unreadable> RankFiles::first_unreadable() const {
  for (std::size_t i = 0; i < count_; ++i) {
    std::optional<int> bad, good;
    for (int rank = ranks_ - 1; rank >= 0; --rank) (file(rank, i).unreadable != 0 ? bad : good) = rank;
    if (bad && good) return Unreadable{i, *bad, *good};
  }
  return std::nullopt;
}

}  // namespace xr::data
