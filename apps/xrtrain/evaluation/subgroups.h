// How a checkpoint does on groups of images: by hospital, sex, projection...
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apps/statistics/interval.h"
#include "apps/xrtrain/evaluation/predictions.h"

namespace xr::apps {

/// A rate is shown only if it is of this many images or more (an area: of each class).
constexpr std::int64_t min_subgroup = 10;
/// Columns with more values than this are no groups but names or measurements.
constexpr std::size_t max_subgroups = 20;

/// Columns of a CSV file, by image.
struct SubgroupSource {
  std::filesystem::path path;
  struct Column {
    std::string name;
    std::vector<std::pair<std::string, std::string>> values;  ///< image and value, sorted by image
  };
  std::vector<Column> columns;
  std::vector<std::string> left_out;  ///< "age: 57 values"
};
/// All columns but that of the file, the original name and the patient. `given`: --subgroups; without it
/// DIR/sources.csv if there is one that names a file column. Throws DataError for a given file that cannot be
/// used.
[[nodiscard]] std::optional<SubgroupSource> read_subgroups(const std::string& given,
                                                           const std::filesystem::path& data);

/// Nothing where there are fewer than min_subgroup images (`images` of a rate's denominator).
struct SubgroupRate {
  std::int64_t images = 0;
  statistics::Estimate estimate;
};
struct Subgroup {
  std::string value;  ///< "(not listed)" for images that the file does not name
  std::int64_t images = 0;
  SubgroupRate accuracy, sensitivity, specificity, auroc;  ///< the last three of two-class problems
};
struct SubgroupTable {
  std::string column;
  std::vector<Subgroup> groups;
};
/// `positive`: of two classes; images are predicted as the class of largest probability.
[[nodiscard]] std::vector<SubgroupTable> subgroup_tables(const SubgroupSource& source,
                                                         const SplitPredictions& predictions,
                                                         std::size_t positive);

}  // namespace xr::apps
