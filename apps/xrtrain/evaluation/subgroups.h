// How a checkpoint does on groups of images: by hospital, sex, projection...
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "apps/statistics/interval.h"
#include "apps/xrtrain/evaluation/predictions.h"
#include "data/dataset/file_index.h"
#include "data/dataset/image_folder.h"

namespace xr::apps {

/// A rate is shown only if it is of this many images or more (an area: of each class).
constexpr std::int64_t min_subgroup = 10;
/// Columns with more values than this are no groups but names or measurements.
constexpr std::size_t max_subgroups = 20;

/// Columns of a CSV file, or of the tags of DICOM files, by image.
struct SubgroupSource {
  std::filesystem::path path;                    ///< "DICOM tags" without a file
  std::shared_ptr<const data::FileIndex> index;  ///< from an image to its lines
  struct Column {
    std::string name;
    std::vector<std::string> values;  ///< by line
    std::shared_ptr<const data::FileIndex> index =
        nullptr;  ///< of its own lines; null: SubgroupSource::index
  };
  std::vector<Column> columns;
  std::vector<std::string> left_out;  ///< "age: 57 values"
};
/// All columns but that of the file, the original name and the patient. `given`: --subgroups; without it the
/// folder's own table (data::Dataset::sources) if it names a file column. Throws DataError for a given file
/// that cannot be used. `root`: data::Dataset::root.
[[nodiscard]] std::optional<SubgroupSource> read_subgroups(const std::string& given,
                                                           const std::filesystem::path& sources,
                                                           const std::string& root = {});

/// Adds the tags of DICOM files as columns: those of which the files have several values, and no column of the
/// table has the name.
[[nodiscard]] std::optional<SubgroupSource> with_dicom_tags(std::optional<SubgroupSource> source,
                                                            const data::DicomTable* dicom);

/// Throws DataError if the table was asked for and names none of these images.
void check_subgroups(const SubgroupSource& source, bool given, const std::vector<data::Sample>& images);

/// Nothing where there are fewer than min_subgroup images (`images` of a rate's denominator).
struct SubgroupRate {
  std::int64_t images = 0;
  statistics::Estimate estimate;
};
struct Subgroup {
  std::string value;  ///< "(not listed)" for images that the file does not name
  std::int64_t images = 0;
  /// The last three of two-class problems; of several labels the mean AUROC alone.
  SubgroupRate accuracy, sensitivity, specificity, auroc;
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
