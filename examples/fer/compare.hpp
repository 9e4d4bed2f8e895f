// Forms of a network, or several networks, side by side: what they get right, what they weigh, how
// fast they run.
#pragma once

#include <string>
#include <vector>

#include <octet/program/program.hpp>
#include <octet/train/evaluate_program.hpp>

namespace fer {

/// One of those compared. The first of several is the one that the others are compared with.
struct Contestant {
  std::string name;
  const octet::Program* program;
  std::int64_t file_bytes;
  /// What turns bytes into its input.
  octet::Pipeline pipeline;
};

/// Median times of one of them.
struct Speed {
  double batch_1_milliseconds = 0;
  double batch_64_images_per_second = 0;
};

/// Times all of them in turn, round after round, so that a busy machine is unfair to all alike.
std::vector<Speed> measure_speed(const std::vector<Contestant>& contestants,
                                 octet::ThreadPool& pool);

/// Prints the table for the images of a split: accuracy, top-2, changed answers with McNemar's p,
/// size and speed. Returns what each said of the images.
std::vector<octet::Evaluation> print_comparison(const std::vector<Contestant>& contestants,
                                                const std::string& split,
                                                const octet::ImageDataset& data,
                                                octet::ThreadPool& pool);

}  // namespace fer
