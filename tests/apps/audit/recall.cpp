// The index against all pairs: what it finds of them, and how long both take.
#include <chrono>
#include <cstdio>
#include <map>
#include <set>

#include "apps/audit/candidates.h"
#include "apps/audit/neighbour_index.h"
#include "tests/apps/audit/altered.h"

namespace xr::audit {

using namespace test;

namespace {

constexpr const char* kind_names[] = {"re-encoded",
                                      "trimmed",
                                      "trimmed at a corner",
                                      "mirrored",
                                      "rotated 90",
                                      "equalised",
                                      "inverted",
                                      "framed",
                                      "resized and brightened",
                                      "without 8 % at the left",
                                      "without 8 % at the top",
                                      "without 8 % at the right",
                                      "without 8 % at the bottom",
                                      "without 7 % at the right, inverted"};

/// Numbers of kinds: from `first` on.
struct Kinds {
  int first = 0, count = 9;
  [[nodiscard]] int of(int planted) const { return first + planted % count; }
};
constexpr Kinds side_kinds{9, 5};

data::Image altered(const data::Image& image, int kind) {
  switch (kind) {
    case 0:
      return as_jpeg(image, 60);
    case 1:
      return trimmed(image, 0.03, 0.03, 0.03, 0.03);
    case 2:
      return trimmed(image, 0.04, 0.02, 0, 0.01);
    case 3:
      return as_jpeg(mirrored(image), 75);
    case 4:
      return turned_clockwise(image);
    case 5:
      return histogram_equalised(image);
    case 6:
      return inverted(image);
    case 7:
      return framed(image, 0.1, 0);
    case 9:
      return trimmed(image, 0.08, 0, 0, 0);
    case 10:
      return trimmed(image, 0, 0.08, 0, 0);
    case 11:
      return trimmed(image, 0, 0, 0.08, 0);
    case 12:
      return trimmed(image, 0, 0, 0, 0.08);
    case 13:
      return inverted(trimmed(image, 0, 0, 0.07, 0));
    default:
      return each_pixel(data::resize(image, 70, 80), [](double grey) { return grey * 1.1; });
  }
}

/// `count` phantoms of 64 x 64 pixels, of which one in `every` is there once more, altered.
std::vector<Fingerprint> make_prints(int count, int every, const Kinds& kinds = {}) {
  const int planted = count / every;
  std::vector<Fingerprint> prints(static_cast<std::size_t>(count + planted));
  data::run_jobs(static_cast<std::size_t>(count), 0, {}, [&](std::size_t i) {
    const int index = static_cast<int>(i);
    const data::Image image = data::draw_phantom(
        11, data::PhantomSplit::train,
        index % 2 == 0 ? data::PhantomClass::covid : data::PhantomClass::normal, index, 96);
    prints[i] = fingerprint(image);
    if (index % every == 0 && index / every < planted)
      prints[static_cast<std::size_t>(count) + static_cast<std::size_t>(index / every)] =
          fingerprint(altered(image, kinds.of(index / every)));
  });
  return prints;
}

using Pairs = std::map<std::pair<std::size_t, std::size_t>, CopyPair>;

Pairs by_images(const Copies& copies) {
  Pairs result;
  for (const CopyPair& pair : copies.pairs) result[{pair.a, pair.b}] = pair;
  return result;
}

struct Recall {
  std::size_t of_all_pairs = 0, found = 0, planted = 0, planted_found = 0, other = 0;
};

Recall measure(int count, int every, bool print, const Kinds& kinds = {}) {
  const std::vector<Fingerprint> prints = make_prints(count, every, kinds);
  double seconds[2] = {};
  Pairs found[2];
  std::size_t candidates[2] = {};
  for (const bool index : {false, true}) {
    const auto started = std::chrono::steady_clock::now();
    const Copies copies = find_copies(prints, 0, {}, index ? CopySearch::index : CopySearch::all_pairs);
    seconds[index] = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    candidates[index] = copies.candidates;
    found[index] = by_images(copies);
    CHECK(copies.by_index == index);
    CHECK(copies.complete);
  }
  Recall result;
  result.of_all_pairs = found[0].size();
  for (const auto& [images, pair] : found[1]) {
    const auto same = found[0].find(images);
    if (same == found[0].end() || same->second.aligned_correlation != pair.aligned_correlation)
      ++result.other;
    else
      ++result.found;
  }
  std::map<int, std::pair<int, int>> of_kind;
  for (int i = 0; i < count / every; ++i) {
    const auto place = static_cast<std::size_t>(i), a = place * static_cast<std::size_t>(every),
               b = static_cast<std::size_t>(count) + place;
    ++result.planted;
    ++of_kind[kinds.of(i)].first;
    if (found[1].contains({a, b})) ++result.planted_found, ++of_kind[kinds.of(i)].second;
  }
  if (!print) return result;
  std::printf(
      "%d images, %zu planted copies; all pairs: %zu found, %zu candidates, %.1f s; index: %zu of "
      "them (recall %.4f), %zu candidates, %.1f s\n",
      count + count / every, result.planted, result.of_all_pairs, candidates[0], seconds[0], result.found,
      static_cast<double>(result.found) / static_cast<double>(result.of_all_pairs), candidates[1],
      seconds[1]);
  for (const auto& [kind, counts] : of_kind)
    std::printf("  %s: %d of %d\n", kind_names[kind], counts.second, counts.first);
  return result;
}

}  // namespace

TEST_CASE("the index finds what all pairs find, with the same figures") {
  const Recall recall = measure(700, 4, false);
  CHECK(recall.of_all_pairs >= recall.planted * 97 / 100);
  CHECK(recall.found * 100 >= recall.of_all_pairs * 99);
  CHECK(recall.planted_found * 100 >= recall.planted * 97);
  CHECK(recall.other == 0);
}

TEST_CASE("the index finds the same with any number of threads") {
  const std::vector<Fingerprint> prints = make_prints(200, 3);
  const Copies one = find_copies(prints, 1, {}, CopySearch::index);
  const Copies four = find_copies(prints, 4, {}, CopySearch::index);
  REQUIRE(one.pairs.size() == four.pairs.size());
  CHECK(one.candidates == four.candidates);
  for (std::size_t i = 0; i < one.pairs.size(); ++i) {
    CHECK(one.pairs[i].a == four.pairs[i].a);
    CHECK(one.pairs[i].b == four.pairs[i].b);
    CHECK(one.pairs[i].aligned_correlation == four.pairs[i].aligned_correlation);
  }
}

TEST_CASE("the index finds all pairs of an image that is there fifty times") {
  std::vector<Fingerprint> prints = make_prints(300, 300);
  const data::Image image = phantom(0);
  for (int i = 0; i < 50; ++i)
    prints.push_back(fingerprint(each_pixel(image, [&](double grey) { return grey * (1 - 0.004 * i); })));
  std::size_t among = 0;
  for (const CopyPair& pair : find_copies(prints, 0, {}, CopySearch::index).pairs)
    if (pair.a >= 301 && pair.b >= 301) ++among;
  CHECK(among >= 49 * 50 / 2 * 99 / 100);
}

TEST_CASE("the index of no, one and equal vectors answers") {
  NeighbourIndex empty(0);
  std::vector<std::uint32_t> found;
  empty.nearest({}, 3, found);
  CHECK(found.empty());
  NeighbourIndex index(20);
  for (int i = 0; i < 20; ++i) index.add({});
  index.nearest({}, 30, found);
  CHECK(std::set<std::uint32_t>(found.begin(), found.end()).size() == 20);
  CHECK_THROWS_AS(index.add({}), Error);
  CHECK(find_copies(std::span<const Fingerprint>(), 1, {}, CopySearch::index).pairs.empty());
}

TEST_CASE("the index finds copies that lost a part of one side") {
  const Recall recall = measure(200, 4, false, side_kinds);
  CHECK(recall.of_all_pairs >= recall.planted * 3 / 4);
  CHECK(recall.found == recall.of_all_pairs);
}

/// docs/benchmarks/large-sets.md: build/bin/test_audit "[recall]"
TEST_CASE("recall of the index on ten thousand images", "[.][recall]") {
  const Recall recall = measure(9000, 9, true);
  CHECK(recall.found * 100 >= recall.of_all_pairs * 99);
}

TEST_CASE("recall of the index for copies that lost a part of one side", "[.][recall-sides]") {
  const Recall recall = measure(1500, 5, true, side_kinds);
  CHECK(recall.found * 100 >= recall.of_all_pairs * 99);
}

}  // namespace xr::audit
