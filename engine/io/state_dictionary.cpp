#include "engine/io/state_dictionary.h"

#include <algorithm>
#include <unordered_map>

#include "engine/core/tensor.h"
#include "kernels/common/error_codes.h"

namespace xr::engine {

namespace {

constexpr int max_dictionary_depth = 3;
constexpr std::size_t max_dictionaries = 1000, max_tensor_name = 256, max_ignored = 20;
/// In which order of preference.
constexpr const char* usual_names[] = {"state_dict", "model_state_dict", "model_state", "model",
                                       "net",        "network",          "weights",     "params"};

struct Candidate {
  std::string path, key;
  const PickleValue* dictionary;
};

/// For messages: short, printable.
std::string shown_name(const std::string& name) {
  std::string result = name.substr(0, 60);
  std::ranges::replace_if(
      result, [](unsigned char c) { return c < ' ' || c == 0x7F; }, '?');
  return result.size() < name.size() ? result + "..." : result;
}

bool is_name(const std::string& text) {
  return !text.empty() && text.size() <= max_tensor_name &&
         std::ranges::none_of(text, [](unsigned char c) { return c < ' ' || c == 0x7F; });
}

bool holds_tensors(const PickleValue& dictionary) {
  for (std::size_t i = 1; i < dictionary.items.size(); i += 2)
    if (dictionary.items[i]->kind == PickleKind::tensor) return true;
  return false;
}

/// The dictionaries at this depth below one that hold tensors, in its order.
void collect_candidates(const PickleValue& dictionary, const std::string& path, int depth,
                        std::vector<Candidate>& found, std::size_t& seen) {
  for (std::size_t i = 0; i + 1 < dictionary.items.size(); i += 2) {
    const PickleValue &key = *dictionary.items[i], &value = *dictionary.items[i + 1];
    if (key.kind != PickleKind::text || value.kind != PickleKind::dictionary) continue;
    // They may hold one another, in circles as well.
    XR_CHECK_CODE(++seen <= max_dictionaries, error_code::weights_not_plain,
                  "it holds more than {} dictionaries", max_dictionaries);
    const std::string below = path.empty() ? shown_name(key.text) : path + '.' + shown_name(key.text);
    if (depth > 1)
      collect_candidates(value, below, depth - 1, found, seen);
    else if (holds_tensors(value))
      found.push_back({below, key.text, &value});
  }
}

Candidate choose(const std::vector<Candidate>& candidates) {
  if (candidates.size() == 1) return candidates[0];
  for (const char* name : usual_names)
    for (const Candidate& candidate : candidates)
      if (candidate.key == name) return candidate;
  std::string names;
  for (std::size_t i = 0; i < std::min<std::size_t>(candidates.size(), 5); ++i)
    names += (i == 0 ? "" : ", ") + candidates[i].path;
  throw Error(error_code::weights_not_plain,
              fmt::format("it holds {} dictionaries of tensors ({}): save the one that is meant alone",
                          candidates.size(), names));
}

Candidate find_dictionary(const PickleValue& root) {
  XR_CHECK_CODE(root.kind == PickleKind::dictionary, error_code::weights_not_plain,
                "it holds {}, not a dictionary of tensors", name_of(root.kind));
  if (holds_tensors(root)) return {"", "", &root};
  std::size_t seen = 0;
  for (int depth = 1; depth <= max_dictionary_depth; ++depth) {
    std::vector<Candidate> candidates;
    collect_candidates(root, "", depth, candidates, seen);
    if (!candidates.empty()) return choose(candidates);
  }
  throw Error(error_code::weights_not_plain, "it holds no dictionary of tensors");
}

class Ignored {
 public:
  explicit Ignored(std::vector<std::string>& list) : list_(list) {}
  void add(const PickleValue& key, const std::string& what) {
    if (++count_ <= max_ignored)
      list_.push_back(fmt::format(
          "{} ({})", key.kind == PickleKind::text ? shown_name(key.text) : name_of(key.kind), what));
    else if (count_ == max_ignored + 1)
      list_.emplace_back();
    if (count_ > max_ignored) list_.back() = fmt::format("{} others", count_ - max_ignored);
  }

 private:
  std::vector<std::string>& list_;
  std::size_t count_ = 0;
};

}  // namespace

StateDictionary find_state_dictionary(const PickleValue& root) {
  const Candidate chosen = find_dictionary(root);
  StateDictionary result;
  result.name = chosen.path;
  Ignored ignored(result.ignored);
  if (chosen.dictionary != &root)
    for (std::size_t i = 0; i + 1 < root.items.size(); i += 2)
      if (root.items[i + 1] != chosen.dictionary)
        ignored.add(*root.items[i], name_of(root.items[i + 1]->kind));
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t i = 0; i + 1 < chosen.dictionary->items.size(); i += 2) {
    const PickleValue &key = *chosen.dictionary->items[i], &value = *chosen.dictionary->items[i + 1];
    if (value.kind != PickleKind::tensor || key.kind != PickleKind::text) {
      ignored.add(key, name_of(value.kind));
    } else if (value.tensor->shape.size() > Shape::max_rank) {
      ignored.add(key, fmt::format("a tensor of {} dimensions", value.tensor->shape.size()));
    } else {
      XR_CHECK_CODE(is_name(key.text), error_code::weights_damaged,
                    "it is damaged: its tensor name '{}' is too long or not printable", shown_name(key.text));
      const auto [place, is_new] = places.emplace(key.text, result.tensors.size());
      if (is_new)
        result.tensors.emplace_back(key.text, value.tensor.get());
      else  // as in Python: the last one counts
        result.tensors[place->second].second = value.tensor.get();
    }
  }
  return result;
}

}  // namespace xr::engine
