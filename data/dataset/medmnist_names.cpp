#include "data/dataset/medmnist_names.h"

namespace xr::data {

std::vector<std::string> numbered_names(std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

std::vector<std::string> medmnist_names(const std::filesystem::path& path, Task task, std::size_t count) {
  static const std::vector<std::string> pneumonia = {"normal", "pneumonia"};
  static const std::vector<std::string> chest = {
      "atelectasis",  "cardiomegaly",  "effusion", "infiltration", "mass",     "nodule",  "pneumonia",
      "pneumothorax", "consolidation", "edema",    "emphysema",    "fibrosis", "pleural", "hernia"};
  std::string stem = path.stem().string();
  stem = stem.substr(0, stem.find('_'));  // of pneumoniamnist_224: the size of the images
  const std::vector<std::string>* names = nullptr;
  if (task == Task::multi_class && stem == "pneumoniamnist") names = &pneumonia;
  if (task == Task::multi_label && stem == "chestmnist") names = &chest;
  return names != nullptr && names->size() == count ? *names : numbered_names(count);
}

}  // namespace xr::data
