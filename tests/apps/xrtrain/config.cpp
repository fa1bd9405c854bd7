#include "apps/xrtrain/options/config.h"

#include "apps/xrtrain/errors.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

std::string refused(const std::string& text) {
  return error_of<UsageError>([&] { (void)parse_config(text, "file"); });
}

}  // namespace

TEST_CASE("What is written into config.toml reads back the same") {
  TrainOptions options = preset_options("report");
  options.data = "/data/with \"quotes\" and \\ and \n and ü";
  options.lr = 1.0 / 3.0;
  options.weight_decay = 1e-300;
  options.label_smoothing = 0.1;
  options.seed = 9007199254740991;
  options.strict = true;
  TrainOptions copy = preset_options("default");
  for (const FileOption& option : parse_config(config_text(options), "config.toml"))
    set_value(copy, *option.spec, option.value, option.where);
  for (const OptionSpec& spec : option_table())
    if (spec.in_file == InFile::kept) {
      INFO(spec.name);
      CHECK(get_value(copy, spec) == get_value(options, spec));
    }
  CHECK(config_text(copy) == config_text(options));
}

TEST_CASE("Mistakes in a configuration are named with their line") {
  CHECK_THAT(refused("epochs = 1\nfoo = 2"), contains("file line 2") && contains("'foo'"));
  CHECK_THAT(refused("epochs = true"), contains("epochs: it must be an integer, not true or false"));
  CHECK_THAT(refused("lr = \"x\""), contains("lr: it must be a number, not a text"));
  CHECK_THAT(refused("normalize = 1"), contains("true or false, not an integer"));
  CHECK_THAT(refused("model = 1979-05-27"), contains("a date"));
  CHECK_THAT(refused("[epochs]\na = 1"), contains("a table"));
  CHECK_THAT(refused("epochs = [1, 2]"), contains("a list"));
  CHECK_THAT(refused("lr = -1.0"), contains("lr is -1") && contains("0 to 1e+38"));
  CHECK_THAT(refused("lr = inf"), contains("lr is inf"));
  CHECK_THAT(refused("optimizer = \"sdg\""), contains("optimizer is sdg"));
  CHECK_THAT(refused("epochs = 1\nepochs = 2"), contains("line 2"));
  CHECK_THAT(refused("= 3"), contains("line 1"));
  CHECK_THAT(refused("a = \"\xff\""), contains("line 1"));
  CHECK_THAT(refused(std::string(5000, '[')), contains("file line"));
  CHECK_THAT(refused("epoch\u031b \n"), contains("file line 1"));
  CHECK_THAT(refused("lr = 'raw's\x1b\n"), contains("file line 1") && !contains("\x1b"));
}

TEST_CASE("An empty configuration is fine") {
  CHECK(parse_config("", "file").empty());
  CHECK(parse_config("# nothing\n", "file").empty());
}

}  // namespace xr::apps::test
