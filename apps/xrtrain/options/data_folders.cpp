#include "apps/xrtrain/options/data_folders.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"

namespace xr::apps {

namespace fs = std::filesystem;

namespace {

std::vector<std::string> parts_of(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace

data::SkipFolders skip_folders_of(const std::string& text) {
  if (text.empty()) return {};
  data::SkipFolders skip{false, {}};
  if (text == "none") return skip;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string name = text.substr(begin, end - begin);
    if (name.empty() || name.find('/') != std::string::npos)
      throw UsageError(
          fmt::format("--skip-folders is '{}': use none, or auto and names of folders with commas between",
                      text::one_line(text)));
    if (name == "auto")
      skip.automatic = true;
    else
      skip.names.push_back(name);
    begin = end + 1;
  }
  return skip;
}

void add_skip_folders(command_line::Command command, std::string& value) {
  command.option("--skip-folders", value, skip_folders_help)
      .type_name("NAMES")
      .show_default("auto")
      .group("Data");
}

const command_line::Names<data::Uncertain>& uncertain_names() {
  static const command_line::Names<data::Uncertain> names = {
      {"ignore", data::Uncertain::ignore}, {"zero", data::Uncertain::zero}, {"one", data::Uncertain::one}};
  return names;
}

void LabelOptions::add(command_line::Command command) {
  const char* const group = "Data";
  command.option("--labels", labels, labels_help).type_name("FILE").group(group);
  command.option("--image-column", image_column, image_column_help).type_name("NAME").group(group);
  command.option("--label-column", label_column, label_column_help).type_name("NAMES").group(group);
  command.choice("--uncertain", uncertain, uncertain_names(), uncertain_help).group(group);
  command.option("--split-list", split_list, split_list_help).type_name("FILES").group(group);
}

data::LabelSettings LabelOptions::settings() const {
  const std::pair<const char*, const std::string*> others[] = {
      {"--image-column", &image_column}, {"--label-column", &label_column}, {"--split-list", &split_list}};
  for (const auto& [name, value] : others)
    if (labels.empty() && !value->empty())
      throw UsageError(fmt::format("{} needs --labels: give the table of labels", name));
  data::LabelSettings result{labels, image_column, label_column, uncertain, {}};
  for (const std::string& path : parts_of(split_list)) result.split_lists.emplace_back(path);
  return result;
}

void LabelOptions::make_absolute() {
  const auto absolute = [](const std::string& path) {
    return fs::absolute(path).lexically_normal().string();
  };
  if (!labels.empty()) labels = absolute(labels);
  std::vector<std::string> lists;
  for (const std::string& path : parts_of(split_list)) lists.push_back(absolute(path));
  split_list = fmt::format("{}", fmt::join(lists, ","));
}

void require_outside(const char* option, const fs::path& out, const fs::path& data) {
  if (out.empty() || data.empty()) return;
  std::error_code code;
  const fs::path images = fs::weakly_canonical(fs::absolute(data), code),
                 results = fs::weakly_canonical(fs::absolute(out), code);
  if (std::ranges::mismatch(images, results).in1 != images.end()) return;
  throw UsageError(fmt::format("{} {} lies in the folder of images {}: choose a folder outside it", option,
                               text::one_line(out.string()), text::one_line(data.string())));
}

}  // namespace xr::apps
