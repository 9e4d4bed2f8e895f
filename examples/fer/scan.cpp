#include "scan.hpp"

#include <cstdio>

#include <octet/data/scan.hpp>

#include "command_line.hpp"
#include "data.hpp"

namespace fer {

CLI::App* add_scan(CLI::App& app, ScanOptions& options) {
  CLI::App* const command = app.add_subcommand(
      "scan", "Count images that are in two splits, have two labels, or are blank");
  add_data(*command, options.data, DataUse::train);
  command->footer("Example: fer scan --data fer2013.csv");
  return command;
}

int scan(const ScanOptions& options) {
  DataSplits splits = read_splits(completed(options.data));
  if (splits.test_is_validation) splits.test = splits.test.empty_copy();
  std::printf("%s", octet::scan(splits).text().c_str());
  return 0;
}

}  // namespace fer
