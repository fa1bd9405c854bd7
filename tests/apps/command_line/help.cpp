#include <catch2/catch.hpp>

#include "apps/command_line/command_line.h"
#include "apps/command_line/help_text.h"
#include "apps/command_line/reference.h"

namespace xr::command_line::test {

namespace {

// A program with one command of each kind of option.
struct Small {
  Program program{"Does things", "small"};
  std::string file, mode = "fast";
  int count = 3;
  bool cache = true, quiet = false, pair = false;
  std::vector<std::string> images;

  Small() {
    program.version([] { return std::string("small 1"); });
    Command command = program.command().subcommand("draw", "Draw images");
    command.option("images", images, "Images to draw").required().type_name("IMAGE");
    command.option("--count", count, "How often").show_default().range(1, 9);
    command.option("--file", file, "Where to").type_name("FILE").required().group("Output");
    command.option("--mode", mode, "How").show_default().one_of({"fast", "slow"});
    command.flag("--cache,!--no-cache", cache, "Keep what was read");
    command.flag("--quiet", quiet, "Print nothing").group("Output");
    command.flag_pair(
        "--pair", pair, [this](bool yes) { pair = yes; }, "One of two");
    command.option("--secret", count, "For tests").hidden();
    command.example("twice", "small draw a.png --count 2");
    command.note("Images are drawn in order.");
  }

  Parsed parse(const std::vector<const char*>& arguments) {
    std::vector<const char*> words{"small"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return program.parse(static_cast<int>(words.size()), words.data());
  }
};

}  // namespace

TEST_CASE("Help has one line an option with what is allowed and the default") {
  CHECK(Small().parse({"draw", "--help"}).text ==
        "Draw images\n"
        "\n"
        "Usage: small draw [OPTIONS] IMAGE...\n"
        "\n"
        "Arguments:\n"
        "  IMAGE...      Images to draw\n"
        "\n"
        "Options:\n"
        "  --count N     How often [1 to 9; default: 3]\n"
        "  --mode NAME   How [fast, slow; default: fast]\n"
        "  --[no-]cache  Keep what was read [default: yes]\n"
        "  --[no-]pair   One of two [default: no]\n"
        "  -h, --help    Print help; -h: one line an option\n"
        "\n"
        "Output:\n"
        "  --file FILE   Where to [required]\n"
        "  --quiet       Print nothing\n"
        "\n"
        "Images are drawn in order.\n"
        "\n"
        "Examples:\n"
        "  # twice\n"
        "  small draw a.png --count 2\n");
}

TEST_CASE("-h has one line an option, with as much of its help as fits") {
  Program program{"Does things", "small"};
  int count = 3;
  std::string mode = "fast", name;
  Command command = program.command().subcommand("draw", "Draw images");
  command
      .option("--count", count, "How often each of all the images is drawn before the next one; 0: for ever")
      .show_default()
      .range(0, 999999);
  command.option("--mode", mode, "How").show_default().one_of({"fast", "slow"});
  command.option("--name", name, std::string(60, 'a') + " " + std::string(60, 'b')).type_name("FILE");
  const std::vector<const char*> brief{"small", "draw", "-h"}, full{"small", "draw", "--help"};
  const std::string text = program.parse(3, brief.data()).text;
  CHECK_THAT(text,
             Catch::Contains("  --count N    How often each of all the images is drawn before the next one "
                             "[default: 3]\n"));
  CHECK_THAT(text, Catch::Contains("  --mode NAME  How [fast, slow; default: fast]\n"));
  CHECK_THAT(text, Catch::Contains("  --name FILE  " + std::string(60, 'a') + " ...\n"));
  CHECK_THAT(program.parse(3, full.data()).text,
             Catch::Contains("999999; default: 3]\n") && Catch::Contains("bbb\n"));
}

TEST_CASE("Help of the program lists its commands") {
  CHECK(Small().parse({"--help"}).text ==
        "Does things\n"
        "\n"
        "Usage: small COMMAND [OPTIONS]\n"
        "\n"
        "Commands:\n"
        "  draw        Draw images\n"
        "\n"
        "Options:\n"
        "  --version   Print the version\n"
        "  -h, --help  Print help; -h: one line an option\n");
}

TEST_CASE("Long texts of help are wrapped and indented") {
  CHECK(wrap("one two three", 7, 2) == "one two\n  three");
  CHECK(wrap("a-word-that-is-too-long x", 5, 1) == "a-word-that-is-too-long\n x");
  CHECK(wrap("", 5, 1).empty());
}

TEST_CASE("Both forms of a flag are one entry and exclude each other") {
  Small on, off, both, negated;
  CHECK(on.parse({"draw", "a", "--file", "f", "--pair"}).outcome == Parsed::Outcome::accepted);
  CHECK(on.pair);
  off.pair = true;
  CHECK(off.parse({"draw", "a", "--file", "f", "--no-pair"}).outcome == Parsed::Outcome::accepted);
  CHECK(!off.pair);
  CHECK(both.parse({"draw", "a", "--file", "f", "--pair", "--no-pair"}).outcome == Parsed::Outcome::invalid);
  CHECK(negated.parse({"draw", "a", "--file", "f", "--no-cache"}).outcome == Parsed::Outcome::accepted);
  CHECK(!negated.cache);
}

TEST_CASE("The reference has every option that help has") {
  const Small small;
  const std::string markdown = markdown_reference(small.program.description()),
                    man = man_page(small.program.description(), "small 1"),
                    bash = bash_completion(small.program.description()),
                    zsh = zsh_completion(small.program.description());
  CHECK(markdown.find("| `--count N` | How often | 1 to 9 | `3` |\n") != std::string::npos);
  CHECK(markdown.find("| `--file FILE` | Where to (required) |  |  |\n") != std::string::npos);
  CHECK(markdown.find("## small draw\n") != std::string::npos);
  CHECK(man.find(".B \\-\\-[no\\-]cache\n") != std::string::npos);
  CHECK(bash.find("--count --file --mode --cache --no-cache --quiet --pair --no-pair --help") !=
        std::string::npos);
  CHECK(zsh.find("'--mode[How]:NAME:(fast slow)'") != std::string::npos);
  for (const std::string& text : {markdown, man, bash, zsh}) CHECK(text.find("secret") == std::string::npos);
}

}  // namespace xr::command_line::test
