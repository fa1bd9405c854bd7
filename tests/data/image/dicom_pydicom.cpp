// DICOM files in many transfer syntaxes, held against pydicom and its pixel handlers.
#include "data/image/image.h"
#include "engine/io/file.h"
#include "kernels/common/error_codes.h"
#include "tests/data/support.h"

#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

constexpr int no_pydicom = 77;

std::string file_text(const fs::path& path) {
  const std::vector<std::byte> bytes = engine::read_file(path, 1 << 24);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Compares a file with what pydicom made of it.
void check_against_pydicom(const fs::path& file) {
  const std::string expected = file_text(fs::path(file).replace_extension(".raw"));
  const std::size_t line_end = expected.find('\n');
  std::istringstream line(expected.substr(0, line_end));
  int width = 0, height = 0, tolerance = 0;
  std::string window;
  line >> width >> height >> tolerance;
  std::getline(line >> std::ws, window);
  DecodedImage decoded;
  try {
    decoded = read_with_notes(file, 1);
  } catch (const Error& error) {
    INFO(error.what());
    CHECK(error.code() == error_code::image_library_missing);
    return;
  }
  REQUIRE(decoded.image.width == width);
  REQUIRE(decoded.image.height == height);
  CHECK(decoded.notes.window == window);
  int greatest = 0;
  for (std::size_t i = 0; i < decoded.image.pixels.size(); ++i)
    greatest = std::max(
        greatest, std::abs(decoded.image.pixels[i] - static_cast<unsigned char>(expected[line_end + 1 + i])));
  CHECK(greatest <= tolerance);
}

}  // namespace

TEST_CASE("DICOM files decode to what pydicom makes of them") {
  const TemporaryFolder folder;
  const char* given = std::getenv("XR_PYTHON");
  const std::string command = fmt::format("{} -W ignore {}/tests/data/image/write_dicom.py {} > {} 2>&1",
                                          given != nullptr ? given : "python3", XR_SOURCE_FOLDER,
                                          (folder / "files").string(), (folder / "log").string());
  const int status = std::system(command.c_str());
  if (WIFEXITED(status) && WEXITSTATUS(status) == no_pydicom) {
    WARN("not tested: no Python with pydicom (XR_PYTHON names one)");
    return;
  }
  INFO(file_text(folder / "log"));
  REQUIRE(status == 0);
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder / "files"))
    if (entry.path().extension() == ".dcm") files.push_back(entry.path());
  std::ranges::sort(files);
  CHECK(files.size() >= 23);
  for (const fs::path& file : files) {
    INFO(file.filename().string());
    check_against_pydicom(file);
  }
}
