// Turns what the other programs measured into tables, one JSON file and one page with plots:
// report FOLDER
#include <cstdio>
#include <exception>

#include "octet/core/file.hpp"
#include "results.hpp"

namespace {

void print(const bench::Table& table) {
  std::vector<std::size_t> widths;
  const auto widen = [&](const std::vector<std::string>& row) {
    widths.resize((std::max)(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = (std::max)(widths[i], row[i].size());
  };
  widen(table.header);
  for (const auto& row : table.rows) widen(row);
  std::printf("\n## %s\n%s\n\n", table.title.c_str(), table.note.c_str());
  const auto line = [&](const std::vector<std::string>& row) {
    for (std::size_t i = 0; i < row.size(); ++i)
      std::printf("%s%-*s", i ? "  " : "", i + 1 < row.size() ? static_cast<int>(widths[i]) : 0,
                  row[i].c_str());
    std::printf("\n");
  };
  line(table.header);
  for (const auto& row : table.rows) line(row);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: report FOLDER\n");
    return 2;
  }
  try {
    const std::string folder = argv[1];
    const bench::Results results = bench::read_results(folder);
    const std::vector<bench::Table> tables = bench::tables_of(results);
    for (const bench::Table& table : tables) print(table);
    octet::write_file(folder + "/results.json", results.json.text() + "\n");
    octet::write_file(folder + "/report.html", bench::page_of(results, tables));
    std::printf("\nwritten: %s/results.json, %s/report.html\n", folder.c_str(), folder.c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "report: %s\n", error.what());
    return 1;
  }
}
