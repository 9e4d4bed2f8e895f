// The rules that keep the tree layered: an include points only downwards, infer.hpp stays small,
// octet.hpp is complete, and a file stays short enough to be read.
#include <algorithm>
#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

// From the ground up, as the folders stand in the architecture.
const std::vector<std::string> folders = {"core",  "kernels", "nn",      "graph",
                                          "optim", "quant",   "program", "data",
                                          "train", "models",  "check",   "interop"};

struct Source {
  std::vector<std::string> own;      // "octet/core/tensor.hpp"
  std::vector<std::string> foreign;  // "vector", "Eigen/Core"
  int lines = 0;
};

using Tree = std::map<std::string, Source>;

Source read_source(const fs::path& path) {
  Source source;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line); ++source.lines) {
    const auto hash = line.find_first_not_of(" \t");
    if (hash == std::string::npos || line[hash] != '#') continue;
    const auto word = line.find_first_not_of(" \t", hash + 1);
    if (word == std::string::npos || line.compare(word, 7, "include") != 0) continue;
    const auto open = line.find_first_of("\"<", word);
    if (open == std::string::npos) continue;
    const auto close = line.find_first_of("\">", open + 1);
    const std::string name = line.substr(open + 1, close - open - 1);
    (name.rfind("octet/", 0) == 0 || line[open] == '"' ? source.own : source.foreign)
        .push_back(name);
  }
  return source;
}

Tree read_tree(const fs::path& include) {
  Tree tree;
  for (const auto& entry : fs::recursive_directory_iterator(include))
    if (entry.path().extension() == ".hpp")
      tree[fs::relative(entry.path(), include).generic_string()] = read_source(entry.path());
  return tree;
}

// "kernels" of "octet/kernels/avx2/gemm.hpp"; empty for octet.hpp and infer.hpp.
std::string folder_of(const std::string& name) {
  const auto begin = name.find('/') + 1;
  const auto end = name.find('/', begin);
  return end == std::string::npos ? "" : name.substr(begin, end - begin);
}

int height_of(const std::string& name) {
  const auto place = std::find(folders.begin(), folders.end(), folder_of(name));
  return static_cast<int>(place - folders.begin());
}

std::vector<std::string> faults_of(const Tree& tree) {
  std::vector<std::string> faults;
  for (const auto& [name, source] : tree) {
    const bool umbrella = folder_of(name).empty();
    if (!umbrella && height_of(name) == static_cast<int>(folders.size()))
      faults.push_back(name + " is in a folder without a place in the order");
    for (const auto& other : source.own) {
      if (!tree.count(other))
        faults.push_back(name + " includes " + other + ", which is not there");
      if (!umbrella && !folder_of(other).empty() && height_of(other) > height_of(name))
        faults.push_back(name + " includes " + other + ", which lies above it");
      if (!umbrella && folder_of(other).empty())
        faults.push_back(name + " includes the umbrella " + other);
      if (folder_of(name) == "models" && folder_of(other) == "train")
        faults.push_back(name + " includes " + other + ": a model is built without training");
    }
  }
  return faults;
}

std::set<std::string> reachable(const Tree& tree, const std::string& start) {
  std::set<std::string> seen{start};
  std::vector<std::string> open{start};
  while (!open.empty()) {
    const std::string name = open.back();
    open.pop_back();
    if (!tree.count(name)) continue;
    for (const auto& other : tree.at(name).own)
      if (seen.insert(other).second) open.push_back(other);
  }
  return seen;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines) text += line + "\n";
  return text;
}

const fs::path root = OCTET_SOURCE_DIR;

void plant(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

}  // namespace

TEST_CASE("an include points only downwards") {
  const Tree tree = read_tree(root / "include");
  REQUIRE(tree.size() > 10);
  const auto faults = faults_of(tree);
  INFO(joined(faults));
  CHECK(faults.empty());
}

TEST_CASE("the checker finds what is planted") {
  const fs::path include = fs::current_path() / "planted_includes";
  fs::remove_all(include);
  plant(include / "octet/nn/layer.hpp", "#pragma once\n");
  plant(include / "octet/graph/graph.hpp", "#include \"octet/nn/layer.hpp\"\n");
  CHECK(faults_of(read_tree(include)).empty());

  SUBCASE("an include that points up") {
    plant(include / "octet/core/tensor.hpp", "#  include \"octet/nn/layer.hpp\"\n");
  }
  SUBCASE("the same in angle brackets") {
    plant(include / "octet/core/tensor.hpp", "#include <octet/nn/layer.hpp>\n");
  }
  SUBCASE("a folder that nobody knows") { plant(include / "octet/misc/a.hpp", "\n"); }
  SUBCASE("a header that is not there") {
    plant(include / "octet/optim/sgd.hpp", "#include \"octet/nn/lair.hpp\"\n");
  }
  SUBCASE("an umbrella from within") {
    plant(include / "octet/octet.hpp", "\n");
    plant(include / "octet/train/fit.hpp", "#include \"octet/octet.hpp\"\n");
  }
  const auto faults = faults_of(read_tree(include));
  INFO(joined(faults));
  CHECK(faults.size() == 1);
  fs::remove_all(include);
}

TEST_CASE("octet.hpp reaches every header that has no dependency, and none that has one") {
  const Tree tree = read_tree(root / "include");
  const auto reached = reachable(tree, "octet/octet.hpp");
  for (const auto& entry : tree) {
    const std::string& name = entry.first;
    CAPTURE(name);
    const bool without_dependency = folder_of(name) != "interop";
    if (!folder_of(name).empty()) CHECK(reached.count(name) == without_dependency);
  }
}

TEST_CASE("infer.hpp reaches only core, kernels and program") {
  const Tree tree = read_tree(root / "include");
  REQUIRE(tree.count("octet/infer.hpp"));
  const auto reached = reachable(tree, "octet/infer.hpp");
  CHECK(reached.size() > 5);
  for (const auto& name : reached) {
    CAPTURE(name);
    const std::string folder = folder_of(name);
    CHECK((folder.empty() || folder == "core" || folder == "kernels" || folder == "program"));
  }
}

TEST_CASE("headers without dependency include only the standard library, and no streams") {
  const std::set<std::string> streams = {"iostream", "istream", "ostream", "fstream",
                                         "sstream",  "iomanip", "regex"};
  const std::set<std::string> system = {
      "immintrin.h", "xmmintrin.h", "arm_neon.h", "wasm_simd128.h", "cpuid.h",     "sys/auxv.h",
      "fcntl.h",     "unistd.h",    "signal.h",   "sys/mman.h",     "sys/ioctl.h", "sys/stat.h",
      "io.h",        "errno.h",     "dirent.h",   "sys/syscall.h",  "sched.h"};
  const Tree tree = read_tree(root / "include");
  for (const auto& entry : tree) {
    const std::string& name = entry.first;
    if (folder_of(name) == "interop") continue;
    CAPTURE(name);
    for (const auto& other : entry.second.foreign) {
      CAPTURE(other);
      CHECK_FALSE(streams.count(other));
      if (!system.count(other)) CHECK(other.find_first_of("/.") == std::string::npos);
      if (other == "filesystem") CHECK((folder_of(name) == "data" || folder_of(name) == "train"));
    }
  }
}

TEST_CASE("a file is short enough to be read") {
  for (const char* top : {"include", "examples", "tests", "bench"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / top)) {
      const auto extension = entry.path().extension();
      if (extension != ".hpp" && extension != ".cpp") continue;
      const std::string name = fs::relative(entry.path(), root).generic_string();
      CAPTURE(name);
      int most = 600;
      if (name.rfind("include/octet/nn/", 0) == 0) most = 300;
      if (name.rfind("include/octet/kernels/", 0) == 0) most = 250;
      // A lesson is one file; a program has a folder.
      if (name.rfind("examples/", 0) == 0)
        most = entry.path().parent_path() == root / "examples" ? 150 : 300;
      CHECK(read_source(entry.path()).lines <= most);
    }
  }
}

TEST_CASE("Meson is told the same version as the header") {
  std::ifstream header(root / "include/octet/core/config.hpp");
  std::string version;
  for (std::string word; header >> word;)
    if (word.rfind("OCTET_VERSION_", 0) == 0 && header >> word)
      version += (version.empty() ? "" : ".") + word;
  std::ifstream file(root / "meson.build");
  std::string line;
  std::getline(file, line);
  CAPTURE(version);
  CHECK(line.find("version: '" + version + "'") != std::string::npos);
}
