// The event file for TensorBoard, read by a small reader of its own; check_events.py opens one with
// TensorBoard.
#include "apps/xrtrain/run/event_file.h"

#include <cstring>
#include <numeric>

#include "apps/xrtrain/run/resume_state.h"
#include "apps/xrtrain/run/run_folder.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

template <class T>
T take(std::string_view& bytes) {
  T value{};
  REQUIRE(bytes.size() >= sizeof(T));
  std::memcpy(&value, bytes.data(), sizeof(T));  // the tests run on little-endian machines
  bytes.remove_prefix(sizeof(T));
  return value;
}

std::string_view take_bytes(std::string_view& bytes, std::size_t count) {
  REQUIRE(bytes.size() >= count);
  const std::string_view part = bytes.substr(0, count);
  bytes.remove_prefix(count);
  return part;
}

std::uint64_t take_varint(std::string_view& bytes) {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    const auto byte = take<std::uint8_t>(bytes);
    value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  FAIL("the number has no end");
  return 0;
}

// As in TensorFlow's crc32c.h: rotated right by 15 bits, plus a constant.
std::uint32_t masked(std::uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
}

std::vector<std::string_view> records_of(std::string_view file) {
  std::vector<std::string_view> records;
  while (!file.empty()) {
    const std::string_view length = file.substr(0, 8);
    const auto bytes = take<std::uint64_t>(file);
    CHECK(take<std::uint32_t>(file) == masked(crc32c(length)));
    records.push_back(take_bytes(file, bytes));
    CHECK(take<std::uint32_t>(file) == masked(crc32c(records.back())));
  }
  return records;
}

struct ReadEvent {
  double wall_time = -1.0;
  std::uint64_t step = 0;
  std::string file_version;
  std::map<std::string, float> scalars;
};

void read_value(std::string_view value, ReadEvent& event) {
  std::string tag;
  while (!value.empty()) {
    const std::uint64_t key = take_varint(value);
    if (key == (1 << 3 | 2))
      tag = take_bytes(value, take_varint(value));
    else if (key == (2 << 3 | 5))
      event.scalars[tag] = take<float>(value);
    else
      FAIL("Summary.Value has a field with the key " << key);
  }
}

ReadEvent read_event(std::string_view message) {
  ReadEvent event;
  while (!message.empty()) {
    const std::uint64_t key = take_varint(message);
    if (key == (1 << 3 | 1)) {
      event.wall_time = take<double>(message);
    } else if (key == (2 << 3 | 0)) {
      event.step = take_varint(message);
    } else if (key == (3 << 3 | 2)) {
      event.file_version = take_bytes(message, take_varint(message));
    } else if (key == (5 << 3 | 2)) {
      std::string_view summary = take_bytes(message, take_varint(message));
      while (!summary.empty()) {
        CHECK(take_varint(summary) == (1 << 3 | 2));
        read_value(take_bytes(summary, take_varint(summary)), event);
      }
    } else {
      FAIL("Event has a field with the key " << key);
    }
  }
  return event;
}

void check_events(const std::string& file, const History& history) {
  const std::vector<std::string_view> records = records_of(file);
  REQUIRE(records.size() == 1 + history.size());
  const ReadEvent first = read_event(records[0]);
  CHECK(first.file_version == "brain.Event:2");
  CHECK(first.wall_time == 0.0);
  CHECK(first.scalars.empty());
  for (std::size_t i = 0; i < history.size(); ++i) {
    const EpochRecord& record = history[i];
    const ReadEvent event = read_event(records[i + 1]);
    CHECK(event.step == static_cast<std::uint64_t>(record.epoch));
    CHECK(event.wall_time == static_cast<double>(record.epoch));
    CHECK(event.file_version.empty());
    std::map<std::string, float> expected = {{"train/loss", static_cast<float>(record.train_loss)},
                                             {"train/accuracy", static_cast<float>(record.train_accuracy())},
                                             {"learning_rate", static_cast<float>(record.learning_rate)}};
    if (record.validation) {
      expected["validation/loss"] = static_cast<float>(record.validation->loss());
      expected["validation/accuracy"] = static_cast<float>(record.validation->accuracy());
    }
    CHECK(event.scalars == expected);
  }
}

History read_history(const fs::path& run) {
  return read_resume_state(run / "resume.safetensors").history;
}

}  // namespace

TEST_CASE("The CRC-32C of RFC 3720 appendix B.4") {
  std::string ascending(32, '\0');
  std::iota(ascending.begin(), ascending.end(), '\0');
  CHECK(crc32c(std::string(32, '\0')) == 0x8A9136AA);
  CHECK(crc32c(std::string(32, '\xFF')) == 0x62A8AB43);
  CHECK(crc32c(ascending) == 0x46DD794E);
  CHECK(crc32c(std::string(ascending.rbegin(), ascending.rend())) == 0x113FDB5C);
  const unsigned char read_command[48] = {0x01, 0xC0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0, 0,
                                          0x14, 0,    0, 0, 0, 0, 4, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18,
                                          0x28, 0,    0, 0, 0, 0, 0, 0, 2, 0, 0, 0,    0, 0, 0, 0};
  CHECK(crc32c(std::string_view(reinterpret_cast<const char*>(read_command), sizeof(read_command))) ==
        0xD9963A56);
  CHECK(crc32c("") == 0);
}

TEST_CASE("An event file holds the history") {
  History history;
  check_events(event_file(history), history);
  for (std::int64_t epoch = 0; epoch < 300; epoch += epoch < 3 ? 1 : 99) {
    EpochRecord record{epoch, 1e-3 / static_cast<double>(epoch + 1), 0.1 + static_cast<double>(epoch), 5, 7,
                       {}};
    if (epoch % 2 == 0) record.validation = Evaluation{{3, 4}, {1, 2}, 2.5};
    const std::string before = event_file(history);
    history.push_back(record);
    CHECK(event_file(history).starts_with(before));  // who reads along finds what it has read in its place
  }
  check_events(event_file(history), history);
}

TEST_CASE("A run writes an event file only with --tensorboard and always the same one") {
  TemporaryFolder folder;
  make_phantoms(folder);
  const Result result = run(folder, tiny(folder, "a", {"--tensorboard"}));
  REQUIRE(result.status == 0);
  CHECK_THAT(result.output, contains("log.txt, tensorboard/"));
  const History history = read_history(folder / "a");
  CHECK(history.size() == 3);
  CHECK(history.back().validation.has_value());
  check_events(read_text(events_path(folder / "a")), history);

  REQUIRE(run(folder,
              {"train", "--config", (folder / "a/config.toml").string(), "--out", (folder / "b").string()})
              .status == 0);
  check_same_results(folder / "a", folder / "b");

  // Replaced by a run without: nothing of it is left.
  REQUIRE(run(folder, tiny(folder, "b", {"--force"})).status == 0);
  CHECK(!fs::exists(folder / "b/tensorboard"));
  CHECK_THAT(read_text(folder / "b/config.toml"), contains("tensorboard = false"));
  // Wanted afterwards.
  REQUIRE(run(folder, {"train", "--out", (folder / "b").string(), "--resume", "--tensorboard"}).status == 0);
  check_same_results(folder / "a", folder / "b");
}

TEST_CASE("A killed and resumed run ends with the same event file") {
  TemporaryFolder folder;
  make_phantoms(folder);
  const Arguments more = {"--tensorboard", "--log-level", "debug", "--epochs", "20"};
  REQUIRE(run(folder, tiny(folder, "undisturbed", more)).status == 0);
  RunSettings settings;
  settings.signal_after_line = "epoch 3 step 1";
  REQUIRE(run(folder, tiny(folder, "killed", more), settings).status != 0);
  const fs::path events = events_path(folder / "killed");
  CHECK(read_text(events) != read_text(events_path(folder / "undisturbed")));
  write_text(events.string() + ".tmp", "unfinished");
  CHECK(run(folder, {"train", "--out", (folder / "killed").string(), "--resume"}).status == 0);
  check_same_results(folder / "undisturbed", folder / "killed");
  check_no_leftovers(folder / "killed");
}

TEST_CASE("A file in the place of the event file's folder is named") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "run")).status == 0);
  write_text(folder / "run/tensorboard", "a file");
  const Result result =
      run(folder, {"train", "--out", (folder / "run").string(), "--resume", "--tensorboard"});
  CHECK(result.status == 1);
  CHECK_THAT(result.error_line(), contains((folder / "run").string()));
}

}  // namespace xr::apps::test
