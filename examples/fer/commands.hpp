// The subcommands of fer: their options, and the functions that run them. Each returns the exit
// code; a mistake of the user's is thrown as octet::Error and becomes exit code 2.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace fer {

/// Exit codes beside 0.
inline constexpr int exit_mistake = 2;
/// Of a training that a signal ended, whose number is added.
inline constexpr int exit_signal = 128;

/// Where images come from. What is not given in CK+ is the model's, or the first of ten folds.
struct DataOptions {
  std::string path;
  /// fer2013new.csv of FER+, beside a fer2013.csv; empty: its own labels.
  std::string votes = {};
  std::optional<int> folds = {};
  std::optional<int> fold = {};
  /// Whether CK+ and FER+ keep their eighth class.
  std::string contempt = "no";
  /// Those of the model that is to see the images, in its order; empty: those of the data.
  std::vector<std::string> classes = {};
};

/// The command whose user trains: what a message may advise depends on it.
enum class TrainedBy { train, demo };

struct TrainOptions {
  DataOptions data;
  std::string model = "shallow_cnn";
  double width = 1;
  int epochs = 20;
  std::int64_t batch = 256;
  double max_learning_rate = 0.008;
  std::string schedule = "one_cycle";
  std::string optimizer = "adam";
  /// Without it 0.01 with adamw, else 0.
  std::optional<double> weight_decay = {};
  std::optional<double> momentum = {};
  double label_smoothing = 0;
  double clip_norm = 0;
  std::string flip = "yes";
  std::int64_t crop = 4;
  /// The alpha of each; 0: none.
  double mixup = 0;
  double cutmix = 0;
  int patience = 0;
  std::string out = {};
  std::uint64_t seed = 0;
  std::string precision = "float32";
  /// The model to go on from; empty: fresh weights.
  std::string from = {};
  bool qat = false;
  std::string scales = "observed";
  int threads = 0;
  std::int64_t checkpoint_every = 50;
  bool resume = false;
  bool overwrite = false;
  bool profile = false;
  TrainedBy command = TrainedBy::train;
};

struct EvalOptions {
  /// Several are compared with the first.
  std::vector<std::string> models;
  DataOptions data;
  std::string split = "test";
  std::int64_t batch = 64;
  int threads = 0;
};

struct QuantizeOptions {
  std::string model;
  DataOptions data;
  std::int64_t calibrate = 512;
  std::string method = "min_max";
  std::string rounding = "nearest";
  std::vector<std::string> keep_float = {};
  bool doctor = false;
  std::string out;
  /// The page that is written beside the table; empty: none.
  std::string report = {};
  int threads = 0;
  std::uint64_t seed = 0;
  /// Which of the compared forms the file holds.
  std::string form = "int8";
};

struct PredictOptions {
  std::string model;
  std::vector<std::string> images;
  int threads = 1;
};

struct InfoOptions {
  std::string file;
};

struct DemoOptions {
  std::string out = "demo";
  int threads = 0;
  std::uint64_t seed = 0;
};

int train(const TrainOptions& options);
int eval(const EvalOptions& options);
int quantize(const QuantizeOptions& options);
int predict(const PredictOptions& options);
int info(const InfoOptions& options);
int demo(const DemoOptions& options);

}  // namespace fer
