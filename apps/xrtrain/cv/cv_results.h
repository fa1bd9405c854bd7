// What a cross-validation found: every fold's result, each repeat's pooled predictions, and their summary.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/statistics/interval.h"

namespace xr::apps {

/// The test images of one fold and what the network that was trained on the others says of them.
struct FoldPredictions {
  std::int64_t repeat = 1, fold = 1;  ///< counted from 1
  std::int64_t epoch = 0;             ///< of the checkpoint
  std::vector<std::string> images;
  std::vector<std::int64_t> labels;   ///< class indices
  std::vector<double> probabilities;  ///< images x classes
  std::vector<float> targets = {};    ///< of several labels: images x labels; else empty
};

/// Of some predictions: one fold's, or all of a repeat, in which each image occurs once.
struct CvScore {
  std::int64_t images = 0,
               correct = 0;       ///< of several labels: known targets, and those on the right side of 0.5
  std::int64_t majority = 0;      ///< images of the largest class; 0 with several labels
  statistics::Estimate accuracy;  ///< Wilson; of several labels no interval, for an image has several targets
  statistics::Estimate auroc;  ///< of the positive class, or the mean over classes against the rest; DeLong
  statistics::Estimate sensitivity, specificity;  ///< of the positive class of two; Wilson
  /// Of several labels: the AUROC of each, DeLong; `auroc` is then the mean of those that are defined.
  std::vector<statistics::Estimate> label_aurocs = {};
};

struct CvRepeat {
  CvScore pooled;
  std::vector<CvScore> folds;
};

/// Mean over repeats; spread over them and over all folds. Repeats show how much the cut into folds matters;
/// they add no images, so the intervals are those of one repeat.
struct CvSummary {
  std::vector<std::string> class_names;  ///< or labels
  bool labels = false;
  std::size_t positive = 0;
  std::vector<CvRepeat> repeats;
  std::optional<double>
      majority;  ///< accuracy of always answering the largest class; none with several labels
  statistics::Estimate
      accuracy;  ///< mean over repeats of the pooled accuracy; Wilson for the mean count of one repeat
  statistics::Estimate auroc;  ///< mean over repeats; area_interval with DeLong's mean variance
  std::optional<double> accuracy_deviation_of_repeats, accuracy_deviation_of_folds;
  std::optional<double> auroc_deviation_of_repeats, auroc_deviation_of_folds;
  /// Over all folds of all repeats, each by its own network: pooled, the scores of different networks are
  /// compared, which lowers the area where their scales differ. Undefined if one fold has one class only.
  std::optional<double> mean_auroc_of_folds;
};

/// `positive`: index of a two-class problem's positive class. Folds may come in any order; the repeats must
/// hold the same images.
[[nodiscard]] CvSummary summarise(const std::vector<FoldPredictions>& folds,
                                  const std::vector<std::string>& class_names, std::size_t positive);

/// Standard deviation (n - 1); undefined for fewer than two.
[[nodiscard]] std::optional<double> standard_deviation(const std::vector<double>& values);

/// One line per fold and one per repeat ("pooled").
[[nodiscard]] std::string cv_csv(const CvSummary& summary);
[[nodiscard]] std::string cv_json(const CvSummary& summary);
/// Lines for people.
[[nodiscard]] std::vector<std::string> cv_text(const CvSummary& summary);

}  // namespace xr::apps
