#ifndef PENSTOCK_TESTS_UNIT_TABLE_TABLE_FILES_H_
#define PENSTOCK_TESTS_UNIT_TABLE_TABLE_FILES_H_

// A folder of a test's own, with files that it writes and reads.

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace penstock {

class TestFolder {
 public:
  TestFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "penstock-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  ~TestFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

  std::filesystem::path Write(const std::string& name, std::string_view bytes) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

inline std::string ReadBytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The folder with the real data, or an empty path where it is absent. Where the environment says
// CI=true its absence is a failure.
inline std::filesystem::path RealData() {
  const char* given = std::getenv("PENSTOCK_TEST_DATA");
  std::filesystem::path folder = given != nullptr ? given : "../shared/data";
  if (std::filesystem::exists(folder / "adult" / "adult.data")) return folder;
  const char* ci = std::getenv("CI");
  EXPECT_FALSE(ci != nullptr && std::string_view(ci) == "true") << "no real data in " << folder;
  return {};
}

}  // namespace penstock

#endif  // PENSTOCK_TESTS_UNIT_TABLE_TABLE_FILES_H_
