#include "apps/xrtrain/run/provenance.h"
#include "apps/machine/machine.h"

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "apps/text/text.h"
#include "apps/xrtrain/run/machine_facts.h"
#include "data/dataset/npz_dataset.h"
#include "kernels/backend.h"

namespace xr::apps {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(MachineFacts, program, compiler, libraries, system, processor, device,
                                   device_description, threads)
// With defaults: earlier versions wrote no identity.
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE_WITH_DEFAULT(SplitFacts, name, images, unreadable, patients, rule,
                                                identity)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(DataFacts, class_names, splits, patients_from, with_patient,
                                   shared_patients, kept_together)
NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(Provenance, machine, data)

namespace {

std::string percent(double share) {
  return fmt::format("{:g}%", 100.0 * share);
}

std::string validation_rule(const TrainOptions& options, const data::Dataset& dataset) {
  if (dataset.validation.empty()) return "none";
  if (options.fold.empty() && !dataset.validation_split_by_program)
    return data::is_npz(dataset.directory) ? "val_images of the archive" : "the folder val/";
  return fmt::format("{} of each class's other images, split off with seed {}", percent(options.val_fraction),
                     options.seed);
}

std::string test_rule(const TrainOptions& options, const data::Dataset& dataset) {
  if (dataset.test.empty()) return "none";
  if (!options.fold.empty())
    return fmt::format("fold {} of {} of the images{}, cut with seed {}",
                       options.fold.substr(0, options.fold.find('/')),
                       options.fold.substr(options.fold.find('/') + 1),
                       options.fold_all ? " of all folders" : " outside test/", options.fold_seed);
  if (options.split_by_group)
    return fmt::format("as many as in the folder test/, split again by patient with seed {}", options.seed);
  if (!dataset.test_split_by_program)
    return data::is_npz(dataset.directory) ? "test_images of the archive" : "the folder test/";
  return fmt::format("{} of each class's images, split off with seed {}",
                     percent(data::SplitSettings{}.test_fraction), options.seed);
}

SplitFacts split_facts(const char* name, const data::ImageSet& images, std::size_t classes) {
  SplitFacts facts;
  facts.name = name;
  facts.images.resize(classes);
  facts.unreadable = static_cast<std::int64_t>(images.skipped.size());
  if (images.count() > 0) facts.identity = identity_of(images);
  if (images.task() == data::Task::multi_label) {
    facts.labelled_images = static_cast<std::int64_t>(images.count());
    for (std::size_t l = 0; const LabelCount& count : count_labels(images, classes)) {
      facts.images[l++] = count.positive;
      facts.known.push_back(count.known);
    }
  } else {
    for (const std::int64_t label : images.labels) ++facts.images[static_cast<std::size_t>(label)];
  }
  std::set<std::string> patients;
  for (const data::Sample& sample : images.samples)
    if (!sample.group.empty()) patients.insert(sample.group);
  facts.patients = static_cast<std::int64_t>(patients.size());
  return facts;
}

}  // namespace

MachineFacts machine_facts(const kernels::Device& device, int threads) {
  return {"xrtrain " XR_VERSION ", " XR_BUILD_TYPE " build",
          machine::compiler_name(),
          library_versions(),
          system_name(),
          machine::processor_name(),
          device.to_string(),
          kernels::backend(device).description(),
          threads};
}

DataFacts data_facts(const TrainOptions& options, const data::Dataset& dataset, const data::ImageSet& train,
                     const data::ImageSet& validation, const data::ImageSet& test) {
  DataFacts facts;
  facts.class_names = dataset.class_names;
  const std::size_t classes = dataset.class_names.size();
  facts.splits = {split_facts("training", train, classes), split_facts("validation", validation, classes),
                  split_facts("test", test, classes)};
  facts.splits[0].rule = "the images that are left";
  facts.splits[1].rule = validation_rule(options, dataset);
  facts.splits[2].rule = test_rule(options, dataset);
  facts.patients_from = dataset.group_origin;
  facts.kept_together =
      !dataset.group_origin.empty() && (!options.fold.empty() || options.split_by_group ||
                                        dataset.test_split_by_program || dataset.validation_split_by_program);
  std::map<std::string, std::set<const data::ImageSet*>> splits_of;
  for (const data::ImageSet* set : {&train, &validation, &test})
    for (const data::Sample& sample : set->samples) {
      if (sample.group.empty()) continue;
      ++facts.with_patient;
      splits_of[sample.group].insert(set);
    }
  for (const auto& [patient, sets] : splits_of) facts.shared_patients += sets.size() > 1 ? 1 : 0;
  return facts;
}

std::int64_t SplitFacts::total() const {
  return known.empty() ? std::accumulate(images.begin(), images.end(), std::int64_t{0}) : labelled_images;
}

std::string provenance_json(const Provenance& provenance) {
  nlohmann::json result(provenance);
  for (std::size_t i = 0; i < provenance.data.splits.size(); ++i) {
    const SplitFacts& split = provenance.data.splits[i];
    if (split.known.empty()) continue;
    result["data"]["splits"][i]["known"] = split.known;
    result["data"]["splits"][i]["labelled_images"] = split.labelled_images;
  }
  return json_text(result) + "\n";
}

std::optional<Provenance> read_provenance(const std::filesystem::path& path) {
  std::ifstream file(path);
  const nlohmann::json content = nlohmann::json::parse(file, nullptr, false);
  try {
    if (!content.is_object()) return {};
    Provenance provenance = content.get<Provenance>();
    for (std::size_t i = 0; i < provenance.data.splits.size(); ++i) {
      SplitFacts& split = provenance.data.splits[i];
      const nlohmann::json& entry = content["data"]["splits"][i];
      split.known = entry.value("known", split.known);
      split.labelled_images = entry.value("labelled_images", split.labelled_images);
      if (split.images.size() != provenance.data.class_names.size()) return {};
    }
    return provenance;
  } catch (const nlohmann::json::exception&) {
    return {};
  }
}

}  // namespace xr::apps
