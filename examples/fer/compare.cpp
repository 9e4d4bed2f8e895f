#include "compare.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include <octet/core/median.hpp>

#include "report.hpp"

namespace fer {

using namespace octet;

namespace {

/// Median seconds of one run of each on a batch of N images.
std::vector<double> median_seconds(const std::vector<Contestant>& contestants, std::int64_t N,
                                   int rounds, ThreadPool& pool) {
  std::vector<Workspace> workspaces;
  for (const Contestant& each : contestants)
    workspaces.emplace_back(*each.program, WorkspaceOptions{.batch = N, .pool = &pool});
  const Program& first = *contestants[0].program;
  Tensor<float> images(first.input_shape().with_batch(N)),
      logits(first.output_shape().with_batch(N));
  const Random random(1);
  for (std::int64_t i = 0; i < images.elements(); ++i)
    images[i] = static_cast<float>(random.normal(static_cast<std::uint64_t>(i)));
  const TensorView<const float> input = images;
  const TensorView<float> output = logits;
  std::vector<std::vector<double>> seconds(contestants.size());
  for (int round = 0; round < rounds; ++round)
    for (std::size_t turn = 0; turn < contestants.size(); ++turn) {
      // Who comes first changes: other programs on the machine may run in step with the rounds.
      const std::size_t i = (turn + static_cast<std::size_t>(round)) % contestants.size();
      // The first run of a turn brings back into the caches what the others have driven out.
      contestants[i].program->run({&input, 1}, {&output, 1}, workspaces[i]);
      const auto start = std::chrono::steady_clock::now();
      contestants[i].program->run({&input, 1}, {&output, 1}, workspaces[i]);
      const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
      seconds[i].push_back(taken.count());
    }
  std::vector<double> medians;
  for (const std::vector<double>& each : seconds) medians.push_back(median(each));
  return medians;
}

std::string probability(double p) {
  char text[16];
  std::snprintf(text, sizeof text, "%.3f", p);
  return p < 0.001 ? "<0.001" : text;
}

/// A table whose first column holds the names.
class Table {
 public:
  explicit Table(const std::vector<Contestant>& contestants) : contestants_(contestants) {
    for (const Contestant& each : contestants) width_ = (std::max)(width_, each.name.size());
  }
  void head(const char* columns, const char* line) const {
    std::printf("| %-*s | %s |\n| %s | %s |\n", width(), "form", columns,
                std::string(width_, '-').c_str(), line);
  }
  void name(std::size_t i) const { std::printf("| %-*s |", width(), contestants_[i].name.c_str()); }

 private:
  int width() const { return static_cast<int>(width_); }

  const std::vector<Contestant>& contestants_;
  std::size_t width_ = 4;
};

}  // namespace

std::vector<Speed> measure_speed(const std::vector<Contestant>& contestants, ThreadPool& pool) {
  const std::vector<double> one = median_seconds(contestants, 1, 101, pool);
  const std::vector<double> many = median_seconds(contestants, 64, 9, pool);
  std::vector<Speed> speeds;
  for (std::size_t i = 0; i < contestants.size(); ++i)
    speeds.push_back({one[i] * 1000, 64 / many[i]});
  return speeds;
}

std::vector<Evaluation> print_comparison(const std::vector<Contestant>& contestants,
                                         const std::string& split, const ImageDataset& data,
                                         ThreadPool& pool) {
  std::vector<Evaluation> evaluations;
  for (const Contestant& each : contestants)
    evaluations.push_back(evaluate(*each.program, data, each.pipeline, {.pool = &pool}));

  const Table table(contestants);
  std::printf(
      "\non %lld images of %s, with the 95 %% interval; changed answers against %s, with McNemar's "
      "mid-p\n",
      static_cast<long long>(data.size()), split.c_str(), contestants[0].name.c_str());
  table.head(
      "accuracy                 | top-2   | right to wrong | wrong to right | mid-p  | file "
      "bytes",
      "------------------------ | ------- | -------------- | -------------- | ------ | "
      "----------");
  for (std::size_t i = 0; i < contestants.size(); ++i) {
    table.name(i);
    std::printf(" %-24s | %5.2f %% |", percent_with_interval(evaluations[i].accuracy()).c_str(),
                100 * evaluations[i].accuracy(2).value);
    if (i == 0) {
      std::printf(" %14s | %14s | %6s |", "", "", "");
    } else {
      const McNemar test = mcnemar(evaluations[0], evaluations[i]);
      std::printf(" %14lld | %14lld | %6s |", static_cast<long long>(test.right_to_wrong),
                  static_cast<long long>(test.wrong_to_right), probability(test.mid_p).c_str());
    }
    std::printf(" %10lld |\n", static_cast<long long>(contestants[i].file_bytes));
  }

  ThreadPool single(1);
  std::vector<ThreadPool*> pools{&single};
  if (pool.threads() > 1) pools.push_back(&pool);
  std::printf("\nmedian times, measured in turn\n");
  table.head("threads | batch 1, ms | batch 64, images/s",
             "------- | ----------- | ------------------");
  for (ThreadPool* const threads : pools) {
    const std::vector<Speed> speeds = measure_speed(contestants, *threads);
    for (std::size_t i = 0; i < contestants.size(); ++i) {
      table.name(i);
      std::printf(" %7d | %11.3f | %18.0f |\n", threads->threads(), speeds[i].batch_1_milliseconds,
                  speeds[i].batch_64_images_per_second);
    }
  }
  return evaluations;
}

}  // namespace fer
