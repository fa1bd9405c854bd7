// What a run was trained with and on: RUN/provenance.json (docs/formats.md), which the report shows. Nothing
// in it changes from one run of the same command to the next on one machine: no date, no times.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apps/xrtrain/training/dataset.h"
#include "kernels/registry.h"

namespace xr::apps {

struct MachineFacts {
  std::string program, compiler, libraries, system, processor;
  std::string device;              ///< "cpu"
  std::string device_description;  ///< with the library behind it
  std::int64_t threads = 0;        ///< that computed
};

struct SplitFacts {
  std::string name;                  ///< "training", "validation", "test"
  std::vector<std::int64_t> images;  ///< of each class, as used; of several labels, those that have it
  std::int64_t unreadable = 0;       ///< files that were left out
  std::int64_t patients = 0;         ///< known ones
  std::string rule;                  ///< how its images were chosen
  std::string identity;              ///< identity_of its images, as used; empty: none, or not recorded
  /// Of several labels: of how many images each is known, and how many images there are. Else empty and 0.
  std::vector<std::int64_t> known = {};
  std::int64_t labelled_images = 0;

  /// Images of all classes.
  [[nodiscard]] std::int64_t total() const;
};

struct DataFacts {
  std::vector<std::string> class_names;  ///< or labels
  std::vector<SplitFacts> splits;
  std::string patients_from;         ///< "sources.csv"; empty: no patient is known
  std::int64_t with_patient = 0;     ///< images whose patient is known
  std::int64_t shared_patients = 0;  ///< patients with images in more than one split
  bool kept_together = false;        ///< the program split, and kept images of a patient together
};

struct Provenance {
  MachineFacts machine;
  DataFacts data;
};

[[nodiscard]] MachineFacts machine_facts(const kernels::Device& device, int threads);
[[nodiscard]] DataFacts data_facts(const TrainOptions& options, const data::Dataset& dataset,
                                   const data::ImageSet& train, const data::ImageSet& validation,
                                   const data::ImageSet& test);

[[nodiscard]] std::string provenance_json(const Provenance& provenance);
/// Nothing if there is no such file, or none that this program wrote.
[[nodiscard]] std::optional<Provenance> read_provenance(const std::filesystem::path& path);

}  // namespace xr::apps
