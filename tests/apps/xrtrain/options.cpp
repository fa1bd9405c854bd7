#include "apps/xrtrain/options/options.h"

#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/options/option_table.h"
#include "apps/xrtrain/training/trainer.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

TEST_CASE("The command line goes over the file and the file over the preset") {
  TemporaryFolder folder;
  const fs::path file = folder / "my.toml";
  write_text(file, "preset = \"report\"\nepochs = 7\nlr = 1\n");
  const TrainOptions options = resolve_options({{"epochs", "9"}, {"dropout", "0.5"}}, file.string());
  CHECK(options.preset == "report");
  CHECK(options.batch_size == 60);  // preset
  CHECK(options.lr == 1.0);         // file, an integer for a number
  CHECK(options.epochs == 9);       // command line
  CHECK(options.dropout == 0.5);
  CHECK(resolve_options({{"preset", "report-before"}}, file.string()).batch_size == 32);
  CHECK(resolve_options({}, "").model == "xray_resnet");
}

TEST_CASE("Every option can be set and read back") {
  for (const OptionSpec& spec : option_table()) {
    INFO(spec.name);
    TrainOptions options = preset_options("default");
    const OptionValue value = get_value(options, spec);
    const std::string text = std::holds_alternative<bool>(value) ? "true" : value_text(value);
    set_from_text(options, spec, text, "--" + spec.name);
    CHECK((std::holds_alternative<bool>(value) || get_value(options, spec) == value));
    CHECK(!spec.help.empty());
    CHECK(find_option(spec.name) == &spec);
  }
  CHECK(find_option("nothing") == nullptr);
}

TEST_CASE("Presets are valid") {
  for (const std::string& name : preset_names()) {
    TrainOptions options = preset_options(name);
    CHECK(options.preset == name);
    if (name == "transfer") {
      CHECK_THROWS_AS(validate(options), UsageError);
      options.init = "weights.pth";
      CHECK(options.augment == Augmentation::none);  // or features would be computed in every epoch
    }
    CHECK_NOTHROW(validate(options));
    for (const OptionSpec& spec : option_table())
      CHECK_NOTHROW(set_value(const_cast<TrainOptions&>(options), spec, get_value(options, spec), spec.name));
  }
  CHECK_THROWS_AS(preset_options("other"), UsageError);
}

TEST_CASE("Ranges say themselves and hold no NaN") {
  CHECK(Range{0, 1, false, true}.text() == "0 or more and less than 1");
  CHECK(Range{0, 1, true, false}.text() == "more than 0 and at most 1");
  CHECK(Range{1, 65536}.text() == "1 to 65536");
  CHECK(Range{0, 1e38}.text() == "0 to 1e+38");
  CHECK(!Range{0, 1}.contains(NAN));
  CHECK(!Range{0, 1, true, true}.contains(0));
  CHECK(!Range{0, 1, true, true}.contains(1));
  CHECK(!Range{0, 1e38}.contains(INFINITY));
}

TEST_CASE("The disk that a run needs") {
  TrainOptions options = preset_options("report");
  options.image_size = 16;
  const auto network = model::make_model(model_settings(options, 2, {}));
  const DiskNeed all = disk_need(options, *network, true);
  CHECK(all.checkpoints == 20);
  CHECK(all.resume == 8 * static_cast<std::uint64_t>(model::parameter_count(model_settings(options, 2, {}))));
  CHECK(all.total == 20 * all.checkpoint + 2 * all.resume);
  options.ema = 0.9;  // besides the moments the weights and their averages
  CHECK(disk_need(options, *network, true).resume == all.resume + all.checkpoint + all.resume / 2);
  options.ema = 0;
  options.keep = 3;
  CHECK(disk_need(options, *network, true).checkpoints == 6);
  options.epochs = 2;
  CHECK(disk_need(options, *network, true).checkpoints == 2);
  options.optimizer = Optimizer::sgd;
  CHECK(disk_need(options, *network, true).resume == all.resume / 2);
  options.momentum = 0;
  CHECK(disk_need(options, *network, true).resume == 0);
}

}  // namespace xr::apps::test
