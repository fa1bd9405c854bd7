#include "apps/xrtrain/compare/paired_images.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <optional>

#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"

namespace xr::apps {

namespace {

/// Whether two images of a name are the same picture; nothing if it is not known, or if one was read in
/// colour and the other in grey.
std::optional<bool> same_picture(const SplitImages& a, const SplitImages& b, const ImagePair& pair) {
  if (a.fingerprints.empty() || b.fingerprints.empty()) return std::nullopt;
  const std::string &of_a = a.fingerprints[pair.in_a], &of_b = b.fingerprints[pair.in_b];
  if (of_a.substr(0, of_a.find('-')) != of_b.substr(0, of_b.find('-'))) return std::nullopt;
  return of_a == of_b;
}

void require_same_names(const RunPredictions& a, const RunPredictions& b) {
  const auto joined = [](const RunPredictions& run) {
    return text::one_line(fmt::format("{}", fmt::join(run.class_names, ", ")));
  };
  if (a.task != b.task)
    throw DataError("one run has classes and the other several labels an image: they cannot be compared");
  if (a.class_names != b.class_names)
    throw DataError(fmt::format("the runs have different {}: {} and {}",
                                a.task == data::Task::multi_label ? "labels" : "classes", joined(a),
                                joined(b)));
}

/// The same class, or no label that only one of them has.
void require_same_truth(const RunPredictions& a, const RunPredictions& b, const ImagePair& pair) {
  const std::string image = text::one_line(a.test.images->paths[pair.in_a]);
  if (a.task == data::Task::multi_class) {
    const std::int64_t of_a = a.test.images->labels[pair.in_a], of_b = b.test.images->labels[pair.in_b];
    if (of_a != of_b)
      throw DataError(fmt::format("the image {} is of class {} in one run and of class {} in the other",
                                  image, text::one_line(a.class_names[static_cast<std::size_t>(of_a)]),
                                  text::one_line(b.class_names[static_cast<std::size_t>(of_b)])));
    return;
  }
  const std::size_t labels = a.class_names.size();
  for (std::size_t l = 0; l < labels; ++l) {
    const float of_a = a.test.images->targets[pair.in_a * labels + l],
                of_b = b.test.images->targets[pair.in_b * labels + l];
    if (data::is_known(of_a) && data::is_known(of_b) && of_a != of_b)
      throw DataError(fmt::format("the image {} has the label {} in one run and not in the other", image,
                                  text::one_line(a.class_names[l])));
  }
}

}  // namespace

PairedImages pair_images(const RunPredictions& a, const RunPredictions& b) {
  require_same_names(a, b);
  std::map<std::string, std::size_t> in_b;
  for (std::size_t i = 0; i < b.test.images->paths.size(); ++i) in_b[b.test.images->paths[i]] = i;
  PairedImages paired;
  std::vector<std::string> other_pictures;
  for (std::size_t i = 0; i < a.test.images->paths.size(); ++i) {
    const auto found = in_b.find(a.test.images->paths[i]);
    if (found == in_b.end()) {
      ++paired.only_in_a;
      continue;
    }
    const ImagePair pair{i, found->second};
    require_same_truth(a, b, pair);
    const std::optional<bool> same = same_picture(*a.test.images, *b.test.images, pair);
    if (same && *same) ++paired.same_pictures;
    if (same && !*same) other_pictures.push_back(text::one_line(a.test.images->paths[i]));
    paired.images.push_back(pair);
  }
  const std::size_t images = paired.images.size();
  if (!other_pictures.empty())
    throw DataError(
        fmt::format("{} of {} images with the same name show other pixels in the other run, the first is {}: "
                    "evaluate both runs on the same images (xrtrain eval RUN --data FOLDER --out RESULTS)",
                    other_pictures.size(), images, other_pictures.front()));
  if (images == 0)
    throw DataError("the runs have no test image in common: train or evaluate both on the same data");
  paired.only_in_b = static_cast<std::int64_t>(b.test.images->paths.size() - images);
  return paired;
}

std::vector<std::string> pairing_text(const PairedImages& paired) {
  std::vector<std::string> lines;
  const auto images = static_cast<std::int64_t>(paired.images.size());
  if (paired.only_in_a + paired.only_in_b > 0)
    lines.push_back(
        fmt::format("Compared are the {} test images that both have; {} are in A alone, {} in B alone",
                    images, paired.only_in_a, paired.only_in_b));
  if (paired.same_pictures < images)
    lines.push_back(fmt::format(
        "For {} images it could not be checked that both runs saw the same picture (an older run, or one in "
        "colour and one in grey); xrtrain eval RUN writes what it takes",
        images - paired.same_pictures));
  return lines;
}

}  // namespace xr::apps
