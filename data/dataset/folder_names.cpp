#include "data/dataset/folder_names.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace xr::data {

namespace {

using namespace std::string_view_literals;

template <std::size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::ranges::find(words, word) != words.end();
}

enum class Letter { small, capital, digit, other };

Letter kind_of(char letter) {
  const auto byte = static_cast<unsigned char>(letter);
  if (byte >= 128 || std::islower(byte) != 0) return Letter::small;
  if (std::isupper(byte) != 0) return Letter::capital;
  return std::isdigit(byte) != 0 ? Letter::digit : Letter::other;
}

std::optional<Split> split_word(std::string_view word) {
  static constexpr std::array train = {"train"sv, "training"sv, "trn"sv};
  static constexpr std::array test = {"test"sv, "testing"sv, "tst"sv};
  static constexpr std::array validation = {"val"sv, "valid"sv, "validation"sv, "dev"sv};
  if (is_one_of(word, train)) return Split::train;
  if (is_one_of(word, test)) return Split::test;
  if (is_one_of(word, validation)) return Split::validation;
  return std::nullopt;
}

bool is_set_word(std::string_view word) {
  static constexpr std::array words = {"set"sv,  "sets"sv, "data"sv,  "dataset"sv, "images"sv, "image"sv,
                                       "imgs"sv, "img"sv,  "split"sv, "folder"sv,  "sample"sv, "samples"sv};
  return is_one_of(word, words);
}

bool is_mask_word(std::string_view word) {
  static constexpr std::array words = {"mask"sv,    "masks"sv,    "annotation"sv,   "annotations"sv,
                                       "label"sv,   "labels"sv,   "segmentation"sv, "segmentations"sv,
                                       "seg"sv,     "segs"sv,     "groundtruth"sv,  "gt"sv,
                                       "contour"sv, "contours"sv, "bbox"sv,         "bboxes"sv,
                                       "heatmap"sv, "heatmaps"sv, "overlay"sv,      "overlays"sv};
  return is_one_of(word, words);
}

std::string joined(const std::vector<std::string>& words, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += words[i];
  return text;
}

}  // namespace

const char* name_of(Split split) {
  switch (split) {
    case Split::train:
      return "train";
    case Split::validation:
      return "val";
    default:
      return "test";
  }
}

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& letter : result) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return result;
}

std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words;
  Letter before = Letter::other;
  for (const char letter : name) {
    const Letter kind = kind_of(letter);
    const bool goes_on = before == kind || (before == Letter::capital && kind == Letter::small);
    if (kind != Letter::other) {
      if (!goes_on) words.emplace_back();
      words.back() += lower_case(std::string_view(&letter, 1));
    }
    before = kind;
  }
  return words;
}

std::optional<Split> split_named(std::string_view name) {
  std::vector<std::string> words = words_of(name);
  while (words.size() > 1 && is_set_word(words.back())) words.pop_back();
  if (words.size() != 1) return std::nullopt;
  for (const std::string_view ending : {"set"sv, "data"sv})  // "trainset"
    if (words[0].size() > ending.size() && words[0].ends_with(ending))
      if (const auto split = split_word(words[0].substr(0, words[0].size() - ending.size()))) return split;
  return split_word(words[0]);
}

bool looks_like_split(std::string_view name) {
  const std::vector<std::string> words = words_of(name);
  return !split_named(name) &&
         std::ranges::any_of(words, [](const std::string& word) { return split_word(word).has_value(); });
}

bool is_mask_folder(std::string_view name) {
  const std::vector<std::string> words = words_of(name);
  if (words.size() == 2 && words[0] == "ground" && words[1] == "truth") return true;
  return !words.empty() && is_mask_word(words.back());
}

bool is_image_folder(std::string_view name) {
  static constexpr std::array words = {"image"sv, "images"sv, "img"sv, "imgs"sv, "picture"sv, "pictures"sv,
                                       "xray"sv,  "xrays"sv,  "cxr"sv, "cxrs"sv, "photo"sv,   "photos"sv,
                                       "scan"sv,  "scans"sv,  "jpg"sv, "jpeg"sv, "png"sv};
  const std::vector<std::string> parts = words_of(name);
  return !parts.empty() && is_one_of(joined(parts, parts.size()), words);
}

std::string masked_picture(const std::string& path) {
  const std::size_t slash = path.rfind('/') + 1;  // npos + 1 is 0
  const std::string stem = path.substr(slash, path.rfind('.') > slash ? path.rfind('.') - slash : path.npos);
  std::size_t end = stem.size();
  while (end > 0 && kind_of(stem[end - 1]) == Letter::digit) --end;  // "1_mask_2"
  while (end > 0 && kind_of(stem[end - 1]) == Letter::other) --end;
  std::size_t begin = end;
  while (begin > 0 && kind_of(stem[begin - 1]) != Letter::other && kind_of(stem[begin - 1]) != Letter::digit)
    --begin;
  if (begin == end || begin == 0 || !is_mask_word(lower_case(stem.substr(begin, end - begin)))) return {};
  if (kind_of(stem[begin - 1]) != Letter::other) return {};
  return path.substr(0, slash) + stem.substr(0, begin - 1);
}

bool is_leftover(std::string_view name) {
  static constexpr std::array names = {"__macosx"sv,    "thumbs.db"sv,    "ehthumbs.db"sv,
                                       "desktop.ini"sv, "$recycle.bin"sv, "@eadir"sv,
                                       "lost+found"sv,  "__pycache__"sv,  "system volume information"sv};
  return is_one_of(lower_case(name), names);
}

bool are_numbered(const std::vector<std::string>& names) {
  static constexpr std::array parts = {"images"sv,  "image"sv, "img"sv,     "imgs"sv,   "part"sv,
                                       "batch"sv,   "chunk"sv, "patient"sv, "pat"sv,    "case"sv,
                                       "subject"sv, "sub"sv,   "study"sv,   "series"sv, "person"sv};
  constexpr std::size_t too_many_classes = 30;
  if (names.size() < 2) return false;
  std::string stem;
  for (const std::string& name : names) {
    const std::vector<std::string> words = words_of(name);
    if (words.empty() || kind_of(words.back()[0]) != Letter::digit) return false;
    const std::string own = joined(words, words.size() - 1);
    if (&name == &names.front()) stem = own;
    if (own != stem) return false;
  }
  return is_one_of(stem, parts) || names.size() > too_many_classes;
}

}  // namespace xr::data
