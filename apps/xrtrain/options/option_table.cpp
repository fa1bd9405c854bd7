#include "apps/xrtrain/options/option_table.h"

#include <fmt/format.h>
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <limits>

#include "apps/command_line/backend_names.h"
#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/options/config.h"

namespace xr::apps {

namespace {

constexpr Range rate{0.0, 1e38};  // fits a float
constexpr Range fraction{0.0, 1.0, false, true};
constexpr double largest_seed = 9007199254740992.0;  // 2^53: exact in every format that keeps it

using O = TrainOptions;

using command_line::Names;
using command_line::names_of;

const Names<data::Mask> masks = {
    {"none", data::Mask::none}, {"middle", data::Mask::middle}, {"border", data::Mask::border}};
const Names<Optimizer> optimizers = {
    {"adam", Optimizer::adam}, {"adamw", Optimizer::adamw}, {"sgd", Optimizer::sgd}};
const Names<engine::ScheduleKind> schedules = {{"constant", engine::ScheduleKind::constant},
                                               {"step", engine::ScheduleKind::step},
                                               {"cosine", engine::ScheduleKind::cosine}};
const Names<Augmentation> augmentations = {
    {"report", Augmentation::report}, {"mild", Augmentation::mild}, {"none", Augmentation::none}};
const Names<ClassWeights> class_weights = {{"auto", ClassWeights::balanced}, {"none", ClassWeights::none}};
const Names<LogLevel> log_levels = {
    {"debug", LogLevel::debug}, {"info", LogLevel::info}, {"warning", LogLevel::warning}};

template <class Value>
ChoiceMember one_of(Value O::*member, Names<Value> names) {
  ChoiceMember result;
  result.place = [member, names](const TrainOptions& options) {
    const auto found = std::ranges::find(names, options.*member, &std::pair<std::string, Value>::second);
    return static_cast<std::size_t>(found - names.begin());
  };
  result.set = [member, names](TrainOptions& options, std::size_t place) {
    options.*member = names[place].second;
  };
  return result;
}

std::vector<OptionSpec> make_table() {
  const auto precisions = command_line::precision_names();
  const auto kernel_choices = command_line::kernel_choice_names();
  const char *run = "The run", *network = "The network", *training = "Training", *evaluation = "Evaluation",
             *machine = "The machine", *output = "What is said";
  return {
      {"preset", run, "Start from these settings", &O::preset, {}, preset_names()},
      {"data",
       run,
       "Folder with train/<class>/ and test/<class>/ images, or with <class>/ folders",
       &O::data,
       {},
       {},
       InFile::kept,
       OnResume::free},
      {"out",
       run,
       "Folder of the run: made, and filled with checkpoints and results",
       &O::out,
       {},
       {},
       InFile::read,
       OnResume::free},
      {"val-fraction", run, "Part of each class's training images kept for validation, if there is no val/",
       &O::val_fraction, fraction},
      {"fold", run,
       "K/N: cut the training images into N folds, test on fold K, train on the rest (xrtrain cv)", &O::fold},
      {"fold-seed", run, "Of the cut into folds", &O::fold_seed, {0, largest_seed}},
      {"fold-all", run, "With --fold: the images of test/ take part in the folds, too", &O::fold_all},
      {"groups", run, "CSV file with columns file and patient, instead of sources.csv of the data folder",
       &O::groups},
      {"group-regex", run,
       "Regular expression whose first group (without one, all that matches) is the patient in the path of "
       "an image; patients are never split",
       &O::group_regex},
      {"split-by-group", run, "Split all images anew by patient, whether they lie in train/, val/ or test/",
       &O::split_by_group},
      {"mask",
       run,
       "Black out the middle of every image, or all but the middle: a control of where a network looks",
       one_of(&O::mask, masks),
       {},
       names_of(masks)},
      {"keep",
       run,
       "Keep the checkpoint that is best on validation and the last N; 0 keeps all",
       &O::keep,
       {0, 1e6},
       {},
       InFile::kept,
       OnResume::free},
      {"tensorboard",
       run,
       "Write the history for TensorBoard, too, into the run's folder tensorboard/",
       &O::tensorboard,
       {},
       {},
       InFile::kept,
       OnResume::free},
      {"strict", run, "End at the first image that cannot be decoded, instead of leaving it out", &O::strict},

      {"model", network, "Network", &O::model, {}, model::model_names()},
      {"image-size",
       network,
       "Side of the square images that the network sees, in pixels",
       &O::image_size,
       {1, 4096}},
      {"channels", network, "1: grey, 3: colour", &O::channels, {1, 3}, {"1", "3"}},
      {"padding", network, "Padding of report_cnn's first convolution", &O::padding, {0, 8}},
      {"dropout", network, "Probability of dropout before the last layers", &O::dropout, fraction},

      {"epochs",
       training,
       "Passes over the training images",
       &O::epochs,
       {1, 100000},
       {},
       InFile::kept,
       OnResume::free},
      {"batch-size", training, "Images in a step", &O::batch_size, {1, 65536}},
      {"seed", training, "Of everything random", &O::seed, {0, largest_seed}},
      {"optimizer", training, "Update rule", one_of(&O::optimizer, optimizers), {}, names_of(optimizers)},
      {"lr", training, "Learning rate", &O::lr, rate},
      {"momentum", training, "Momentum of sgd", &O::momentum, fraction},
      {"weight-decay", training, "Weight decay; decoupled with adamw", &O::weight_decay, rate},
      {"schedule",
       training,
       "How the learning rate goes on; with cosine validation chooses among the last quarter of checkpoints",
       one_of(&O::schedule, schedules),
       {},
       names_of(schedules)},
      {"warmup-epochs",
       training,
       "Epochs in which the learning rate rises to its value",
       &O::warmup_epochs,
       {0, 100000}},
      {"step-epochs", training, "Schedule step: epochs between two drops", &O::step_epochs, {1, 100000}},
      {"step-factor", training, "Schedule step: factor of a drop", &O::step_factor, {0, 1, true, false}},
      {"augment",
       training,
       "Random changes of training images",
       one_of(&O::augment, augmentations),
       {},
       names_of(augmentations)},
      {"class-weights",
       training,
       "auto: a class counts more the fewer images it has",
       one_of(&O::class_weights, class_weights),
       {},
       names_of(class_weights)},
      {"label-smoothing", training, "Part of the target spread over all classes", &O::label_smoothing,
       fraction},
      {"normalize", training, "Shift and scale pixels by the training images' mean and deviation",
       &O::normalize},

      {"positive",
       evaluation,
       "Class that sensitivity is about, of two; else the first not called normal, healthy, negative or "
       "no_finding",
       &O::positive,
       {},
       {},
       InFile::kept,
       OnResume::free},
      {"target-sensitivity",
       evaluation,
       "Choose a threshold on validation images that reaches this sensitivity",
       &O::target_sensitivity,
       {0, 1, true, false},
       {},
       InFile::kept,
       OnResume::free},
      {"subgroups",
       evaluation,
       "CSV file with a column 'file' and columns to tell groups of images by; else DATA/sources.csv",
       &O::subgroups,
       {},
       {},
       InFile::kept,
       OnResume::free},

      {"device", machine, "auto, cpu, cuda, cuda:N or simt; auto is the GPU if there is one", &O::device},
      {"precision", machine, "Arithmetic", one_of(&O::precision, precisions), {}, names_of(precisions)},
      {"kernels",
       machine,
       "auto: own kernels, cuDNN and cuBLAS where no fast one fits (cuda)",
       one_of(&O::kernel_choice, kernel_choices),
       {},
       names_of(kernel_choices)},
      {"cuda-graph",
       machine,
       "Record a training step and replay it: fewer launches, the same numbers (not on the cpu)",
       &O::cuda_graph,
       {},
       {},
       InFile::kept,
       OnResume::free},
      {"workers",
       machine,
       "Background threads that prepare batches; 0 prepares them in between",
       &O::workers,
       {0, 256},
       {},
       InFile::kept,
       OnResume::free},
      {"threads", machine, "Threads that compute; 0 is one per processor core", &O::threads, {0, 1024}},

      {"log-level",
       output,
       "Least important lines that are shown",
       one_of(&O::log_level, log_levels),
       {},
       names_of(log_levels),
       InFile::read,
       OnResume::free},
      {"quiet", output, "Show warnings and errors only", &O::quiet, {}, {}, InFile::read, OnResume::free},
      {"json",
       output,
       "Show a JSON object a line instead of text",
       &O::json,
       {},
       {},
       InFile::read,
       OnResume::free},
      {"resume",
       run,
       "Go on with the run in --out; it ends as if it had never been interrupted",
       &O::resume,
       {},
       {},
       InFile::no,
       OnResume::free},
      {"force", run, "Replace the run in --out", &O::force, {}, {}, InFile::no, OnResume::free},
  };
}

template <class T>
bool parse_number(const std::string& text, T& value) {
  const char *begin = text.data(), *end = begin + text.size();
  const auto [stop, code] = std::from_chars(begin, end, value);
  return code == std::errc() && stop == end;
}

std::string allowed_text(const OptionSpec& spec) {
  if (!spec.choices.empty()) return fmt::format("use {}", fmt::join(spec.choices, ", "));
  if (spec.member.index() == 1) return "use an integer, " + spec.range.text();
  if (spec.member.index() == 2) return "use a number, " + spec.range.text();
  return "use true or false";
}

[[noreturn]] void reject(const OptionSpec& spec, const std::string& value, const std::string& where) {
  throw UsageError(fmt::format("{} is {}: {}", where, value.empty() ? "empty" : text::one_line(value),
                               allowed_text(spec)));
}

void check_choice(const OptionSpec& spec, const std::string& text, const std::string& where) {
  if (!spec.choices.empty() && std::ranges::find(spec.choices, text) == spec.choices.end())
    reject(spec, text, where);
}

// Options of the file, then of the command line.
void apply(TrainOptions& options, const std::vector<FileOption>& file, const GivenOptions& given) {
  for (const FileOption& option : file) set_value(options, *option.spec, option.value, option.where);
  for (const auto& [name, text] : given) set_from_text(options, *find_option(name), text, "--" + name);
  if (!options.groups.empty())  // the run must find it from anywhere
    options.groups = std::filesystem::absolute(options.groups).lexically_normal().string();
}

std::vector<FileOption> options_of_file(const std::string& config_file) {
  return config_file.empty() ? std::vector<FileOption>{} : read_config(config_file);
}

}  // namespace

bool Range::contains(double value) const {
  return (above_least ? value > least : value >= least) && (below_most ? value < most : value <= most);
}

std::string Range::text() const {
  if (!above_least && !below_most) return fmt::format("{} to {}", least, most);
  return fmt::format("{}{} and {} {}", above_least ? "more than " : "",
                     above_least ? fmt::format("{}", least) : fmt::format("{} or more", least),
                     below_most ? "less than" : "at most", most);
}

const std::vector<OptionSpec>& option_table() {
  static const std::vector<OptionSpec> table = make_table();
  return table;
}

const OptionSpec* find_option(std::string_view name) {
  const auto found = std::ranges::find(option_table(), name, &OptionSpec::name);
  return found == option_table().end() ? nullptr : &*found;
}

void set_value(TrainOptions& options, const OptionSpec& spec, const OptionValue& value,
               const std::string& where) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    check_choice(spec, *text, where);
    if (!text::is_utf8(*text))
      throw UsageError(fmt::format("{} is {}: it must be UTF-8", where, text::one_line(*text)));
    if (const auto* choice = std::get_if<ChoiceMember>(&spec.member))
      choice->set(options,
                  static_cast<std::size_t>(std::ranges::find(spec.choices, *text) - spec.choices.begin()));
    else
      options.*std::get<std::string O::*>(spec.member) = *text;
  } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
    check_choice(spec, std::to_string(*number), where);
    if (!spec.range.contains(static_cast<double>(*number))) reject(spec, std::to_string(*number), where);
    options.*std::get<std::int64_t O::*>(spec.member) = *number;
  } else if (const auto* real = std::get_if<double>(&value)) {
    if (!spec.range.contains(*real)) reject(spec, text::number_text(*real), where);
    options.*std::get<double O::*>(spec.member) = *real;
  } else {
    options.*std::get<bool O::*>(spec.member) = std::get<bool>(value);
  }
}

void set_from_text(TrainOptions& options, const OptionSpec& spec, const std::string& text,
                   const std::string& where) {
  std::int64_t integer = 0;
  double real = 0.0;
  if (std::holds_alternative<ChoiceMember>(spec.member)) return set_value(options, spec, text, where);
  switch (spec.member.index()) {
    case 0:
      return set_value(options, spec, text, where);
    case 1:
      if (!parse_number(text, integer)) reject(spec, text, where);
      return set_value(options, spec, integer, where);
    case 2:
      if (!parse_number(text, real)) reject(spec, text, where);
      return set_value(options, spec, real, where);
    default:
      if (text != "true" && text != "false") reject(spec, text, where);
      return set_value(options, spec, text == "true", where);
  }
}

OptionValue get_value(const TrainOptions& options, const OptionSpec& spec) {
  if (const auto* choice = std::get_if<ChoiceMember>(&spec.member))
    return spec.choices.at(choice->place(options));
  return std::visit(
      [&](const auto& member) -> OptionValue {
        if constexpr (std::is_same_v<std::decay_t<decltype(member)>, ChoiceMember>)
          return {};
        else
          return options.*member;
      },
      spec.member);
}

std::string option_text(const TrainOptions& options, std::string_view name) {
  return value_text(get_value(options, *find_option(name)));
}

std::string value_text(const OptionValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const auto* real = std::get_if<double>(&value)) return text::number_text(*real);
  return std::get<bool>(value) ? "yes" : "no";
}

void add_train_options(command_line::Command app, GivenOptions& given) {
  const TrainOptions defaults = preset_options("default");
  for (const OptionSpec& spec : option_table()) {
    const OptionValue value = get_value(defaults, spec);
    const auto setter = [&given, name = spec.name](const char* text) {
      return [&given, name, text] { given[name] = text; };
    };
    if (const bool* on = std::get_if<bool>(&value)) {
      const command_line::Option flag =
          app.flag("--" + spec.name, setter("true"), spec.help + (*on ? " [yes]" : "")).group(spec.group);
      if (spec.in_file == InFile::kept)
        app.flag("--no-" + spec.name, setter("false"), "Not --" + spec.name).excludes(flag).group(spec.group);
      continue;
    }
    const char* type = spec.member.index() == 0 ? "TEXT" : spec.member.index() == 1 ? "INT" : "NUMBER";
    std::string type_text = spec.choices.empty() ? type : fmt::format("{}", fmt::join(spec.choices, "|"));
    if (const std::string text = value_text(value); !text.empty()) type_text += fmt::format(" [{}]", text);
    app.text_option(
           "--" + spec.name, [&given, name = spec.name](const std::string& text) { given[name] = text; },
           spec.help)
        .type_name(type_text)
        .take_last()  // scripts add options to those that they have
        .group(spec.group);
  }
}

TrainOptions resolve_options(const GivenOptions& given, const std::string& config_file) {
  const std::vector<FileOption> file = options_of_file(config_file);
  TrainOptions chosen;
  for (const FileOption& option : file)
    if (option.spec->name == "preset") set_value(chosen, *option.spec, option.value, option.where);
  if (const auto preset = given.find("preset"); preset != given.end())
    set_from_text(chosen, *find_option("preset"), preset->second, "--preset");
  TrainOptions options = preset_options(chosen.preset);
  apply(options, file, given);
  return options;
}

TrainOptions resolve_resumed_options(const TrainOptions& of_run, const GivenOptions& given,
                                     const std::string& config_file, ResumeRule rule) {
  TrainOptions options = of_run;
  apply(options, options_of_file(config_file), given);
  std::vector<std::string> changed;
  for (const OptionSpec& spec : option_table())
    if ((spec.on_resume == OnResume::same || (rule == ResumeRule::same && spec.in_file == InFile::kept)) &&
        get_value(options, spec) != get_value(of_run, spec))
      changed.push_back(fmt::format("--{} (run: {}, now: {})", spec.name, value_text(get_value(of_run, spec)),
                                    value_text(get_value(options, spec))));
  if (rule == ResumeRule::by_option && options.epochs != of_run.epochs &&
      of_run.schedule == engine::ScheduleKind::cosine)
    changed.push_back(fmt::format("--epochs (run: {}, now: {}; the cosine schedule depends on it)",
                                  of_run.epochs, options.epochs));
  if (!changed.empty())
    throw UsageError(fmt::format("--resume cannot change {}: leave it out, or start a new run",
                                 text::one_line(fmt::format("{}", fmt::join(changed, ", ")))));
  return options;
}

}  // namespace xr::apps
