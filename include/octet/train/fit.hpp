// The training loop: forward, loss, backward, step; validation, the best model, checkpoints.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "octet/core/file.hpp"
#include "octet/data/loader.hpp"
#include "octet/graph/executor.hpp"
#include "octet/nn/losses/cross_entropy.hpp"
#include "octet/optim/clip.hpp"
#include "octet/optim/optimizer.hpp"
#include "octet/train/checkpoint.hpp"
#include "octet/train/diagnose.hpp"
#include "octet/train/evaluate.hpp"
#include "octet/train/history.hpp"
#include "octet/train/interrupt.hpp"
#include "octet/train/progress.hpp"

namespace octet::inline OCTET_ABI {

/// Whether fit() begins at step 0 or where the folder's checkpoint left off.
enum class Start { fresh, resume };

template <class T>
struct FitOptions {
  int epochs = 1;
  Schedule schedule = constant_rate(1e-3);
  /// Label smoothing and class weights of the cross-entropy.
  CrossEntropyOptions loss = {};
  /// Gradients are scaled down to this norm; 0: they are left alone.
  double clip_norm = 0;
  /// Every element of a gradient is limited to this; 0: it is left alone.
  double clip_value = 0;

  /// Judged after every epoch, if given. validation_pipeline prepares its images: no augmentation.
  const ImageDataset* validation = nullptr;
  Pipeline validation_pipeline = {};
  /// Training ends when the accuracy of validation has not risen for so many epochs; 0: it never
  /// does. The graph keeps the last weights, not the best ones.
  int patience = 0;

  /// Where checkpoint.safetensors (to resume from), best.safetensors (the weights of the epoch that
  /// validation liked best), model.safetensors (the last ones) and history.csv go; empty: nothing
  /// is written. It must exist.
  std::string folder = {};
  /// Steps between checkpoints inside of an epoch; 0: only at its end.
  std::int64_t checkpoint_interval = 0;
  Start start = Start::fresh;
  /// Saved with every model: class names, normalization.
  Metadata metadata = {};
  /// What else a resumed training must have in common with the one that was interrupted. fit()
  /// compares what it knows: the network, the update rule, epochs, batches and their order, the
  /// number of images, the loss, clipping, precision, and the schedule at nine of its steps. It
  /// cannot look into the optimizer's options, the augmentation and the pixels: name them here.
  /// Validation, patience and the places of checkpoints may change on the way.
  Json settings = Json::object();

  /// Of the multiplications in training and validation; weights are float in any case. Where the
  /// processor has no bf16, a line in `progress` (or on stderr) says so and float32 is used; where
  /// it has no AMX, for those layers that are faster in it.
  Precision precision = Precision::float32;
  /// The default pool if none is given.
  ThreadPool* pool = nullptr;
  /// Where progress is shown; null: nowhere.
  std::FILE* progress = nullptr;
  /// Asked after every step; where it says true, the state is saved and training ends.
  std::function<bool()> stop = {};
  /// Called after every step and every epoch.
  std::function<void(const TrainingStatus&)> on_step = {};
  std::function<void(const EpochRecord&)> on_epoch = {};
};

/// Why fit() came back.
enum class FitOutcome { completed, stopped_early, interrupted };

struct FitResult {
  FitOutcome outcome = FitOutcome::completed;
  TrainingState state;
};

/// Trains the first output of a graph, which are logits, on labels or on targets. What it ends in
/// is a function of the graph, the data, the options and the seeds: never of the number of threads,
/// nor of interruptions. A loss, gradient or weight that is not finite ends it with an error that
/// names the step and the layer; the files in the folder stay those of the last good step.
template <class T>
class Fit {
 public:
  Fit(const Graph<T>& graph, Loader& train, Optimizer<T>& optimizer, FitOptions<T> options)
      : graph_(graph),
        train_(train),
        optimizer_(optimizer),
        options_(std::move(options)),
        pool_(options_.pool ? *options_.pool : default_thread_pool()),
        executor_(graph, {.pool = &pool_, .precision = options_.precision}),
        parameters_(graph.parameters()),
        progress_(options_.progress) {
    if (options_.epochs < 1) fail("fit: expected at least 1 epoch, got ", options_.epochs);
    if (!options_.schedule) fail("fit: expected a schedule, got an empty function");
    if (!(options_.clip_norm >= 0 && options_.clip_value >= 0))
      fail("fit: expected clip_norm and clip_value of at least 0, got ", options_.clip_norm,
           " and ", options_.clip_value);
    check_metadata();
    check_output();
    check_validation();
    check_folder();
    describe_training();
    if (executor_.precision() != options_.precision)
      Progress(options_.progress ? options_.progress : stderr)
          .line(
              "WARNING: bf16 needs a processor with AMX or AVX-512 BF16 and a graph of floats; "
              "training in float32");
  }

  FitResult run() {
    if (options_.start == Start::resume) resume();
    graph_.zero_gradients();
    while (state_.epoch < options_.epochs) {
      if (patience_is_over()) return finish(FitOutcome::stopped_early);
      if (!run_epoch()) return finish(FitOutcome::interrupted);
    }
    return finish(FitOutcome::completed);
  }

 private:
  using Clock = std::chrono::steady_clock;
  static double seconds_since(Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count();
  }
  std::string file(const char* name) const { return options_.folder + "/" + name; }

  /// Keys of Octet would make a model look like a checkpoint or like a program.
  void check_metadata() const {
    for (const auto& [key, text] : options_.metadata)
      if (key.starts_with("octet."))
        fail("fit: expected metadata keys that do not begin with \"octet.\", got \"", key, '"');
  }
  void check_output() const {
    const std::int64_t classes = train_.dataset().classes();
    const Shape& output = graph_.node(graph_.outputs()[0]).shape;
    if (!(output == Shape{classes}))
      fail("fit: expected an output of [", classes,
           "], a logit for each class of the dataset, got ", output);
  }
  void check_validation() const {
    if (!options_.validation) return;
    if (options_.validation->size() == 0)
      fail("fit: expected a validation dataset with images, got an empty one");
    const std::int64_t classes = train_.dataset().classes();
    if (options_.validation->classes() != classes)
      fail("fit: expected a validation dataset of ", classes,
           " classes, as the training dataset has, got one of ", options_.validation->classes());
  }
  /// Whoever cannot save would rather know before the first epoch than after it.
  void check_folder() const {
    if (options_.folder.empty()) return;
    for (const char* const name :
         {"checkpoint.safetensors", "best.safetensors", "model.safetensors", "history.csv"})
      check_writable(file(name));
  }

  /// Adds to the settings what a resumed training must have in common; what is as usual is left
  /// out.
  void describe_training() {
    const LoaderOptions& loader = train_.options();
    options_.settings.set("epochs", options_.epochs)
        .set("batch", loader.batch)
        .set("images", train_.dataset().size())
        .set("order_seed", std::to_string(loader.seed))
        .set("label_smoothing", options_.loss.label_smoothing)
        .set("clip_norm", options_.clip_norm)
        .set("clip_value", options_.clip_value);
    Json factors = learning_rate_factors(graph_);
    if (!factors.as_object().empty())
      options_.settings.set("learning_rate_factors", std::move(factors));
    if (!options_.loss.class_weights.empty()) {
      Json weights = Json::array();
      for (const double weight : options_.loss.class_weights) weights.push(weight);
      options_.settings.set("class_weights", std::move(weights));
    }
    if (loader.order != Order::shuffled) options_.settings.set("order", "sequential");
    if (loader.last_batch != LastBatch::keep) options_.settings.set("last_batch", "drop");
    if (!loader.batch_transforms.empty())
      options_.settings.set("batch_transforms", loader.batch_transforms.size());
    if (executor_.precision() != Precision::float32)
      options_.settings.set("precision", to_text(executor_.precision()));
    options_.settings.set("rates", rates());
  }
  /// The schedule from the first step to the last, in as many digits as processors agree on.
  std::string rates() const {
    const std::int64_t last = options_.epochs * train_.steps() - 1;
    std::string text;
    for (std::int64_t i = 0; i <= 8; ++i) {
      const Rate rate = options_.schedule(last * i / 8);
      char number[64];
      std::snprintf(number, sizeof number, rate.momentum ? "%s%.5g/%.5g" : "%s%.5g", i ? " " : "",
                    rate.learning_rate, rate.momentum.value_or(0));
      text += number;
    }
    return text;
  }

  void resume() {
    if (options_.folder.empty()) fail("fit: expected a folder to resume from, got none");
    state_ = load_checkpoint(file("checkpoint.safetensors"), graph_, optimizer_, options_.settings);
    if (state_.step_in_epoch < 0 || state_.step_in_epoch > train_.steps() || state_.epoch < 0 ||
        state_.epoch > options_.epochs ||
        state_.step != state_.epoch * train_.steps() + state_.step_in_epoch)
      fail(file("checkpoint.safetensors"), ": expected a step of this training, got epoch ",
           state_.epoch, ", step ", state_.step_in_epoch);
    checkpoint_step_ = state_.step;
    progress_.line(state_.epoch == options_.epochs
                       ? text_of("the training was complete after epoch ", state_.epoch)
                       : text_of("continuing at epoch ", state_.epoch + 1, ", step ",
                                 state_.step_in_epoch, " of ", train_.steps()));
  }

  bool patience_is_over() const {
    return options_.patience > 0 && state_.best_epoch >= 0 &&
           state_.epoch - 1 - state_.best_epoch >= options_.patience;
  }

  /// False if the user wants to stop.
  bool run_epoch() {
    Batch batch;
    const Clock::time_point start = Clock::now();
    const double seconds_before = state_.seconds;
    const std::int64_t images_before = state_.images;
    Rate rate = options_.schedule((std::max)(state_.step - 1, std::int64_t{0}));
    for (train_.start(state_.epoch, state_.step_in_epoch); train_.next(batch);) {
      rate = options_.schedule(state_.step);
      if (!(rate.learning_rate >= 0) || !std::isfinite(rate.learning_rate))
        fail("fit: expected a schedule of finite rates of at least 0, got ", rate.learning_rate,
             " for step ", state_.step + 1);
      if (rate.momentum && !(*rate.momentum >= 0 && *rate.momentum < 1))
        fail("fit: expected a schedule of momenta from 0 to below 1, got ", *rate.momentum,
             " for step ", state_.step + 1);
      step(batch, rate);
      state_.seconds = seconds_before + seconds_since(start);
      const double speed = static_cast<double>(state_.images - images_before) /
                           (std::max)(state_.seconds - seconds_before, 1e-9);
      report(rate, speed);
      if (options_.stop && options_.stop()) return false;
      if (options_.checkpoint_interval > 0 && state_.step_in_epoch < train_.steps() &&
          state_.step_in_epoch % options_.checkpoint_interval == 0)
        save();
    }
    return end_epoch(rate);
  }

  /// One step: everything from the batch to the changed weights.
  void step(const Batch& batch, const Rate& rate) {
    const TensorView<const T> images = prepare(batch);
    const auto step = static_cast<std::uint64_t>(state_.step);
    executor_.forward(images, Mode::training, step);
    const TensorView<const T> logits = executor_.output();
    const double loss = compute_loss(batch, logits);
    if (!std::isfinite(loss)) {
      const std::string where = first_non_finite_value(executor_, images, step);
      stop_broken(text_of("the loss is ", loss), state_.step + 1, where);
    }
    count(batch, logits, loss);
    executor_.backward();
    const std::string broken = first_non_finite_gradient(graph_);
    if (!broken.empty()) stop_broken("a gradient is not finite", state_.step + 1, broken);
    if (options_.clip_value > 0) clip_gradient_value<T>(parameters_, options_.clip_value, pool_);
    if (options_.clip_norm > 0) clip_gradient_norm<T>(parameters_, options_.clip_norm, pool_);
    optimizer_.step(parameters_, rate, pool_);
    graph_.zero_gradients();
    ++state_.step;
    ++state_.step_in_epoch;
  }

  /// The images as T.
  TensorView<const T> prepare(const Batch& batch) {
    if constexpr (std::is_same_v<T, float>) {
      return batch.images;
    } else {
      converted_ = Tensor<T>(batch.images.shape());
      std::copy(batch.images.begin(), batch.images.end(), converted_.begin());
      return converted_;
    }
  }
  double compute_loss(const Batch& batch, TensorView<const T> logits) {
    executor_.zero_output_gradients();
    const TensorView<T> gradient = executor_.output_gradient();
    if (!batch.has_targets())
      return cross_entropy<T>(logits, std::span<const std::int32_t>(batch.labels), options_.loss,
                              gradient, pool_);
    Tensor<T> targets(batch.targets.shape());
    std::copy(batch.targets.begin(), batch.targets.end(), targets.begin());
    return cross_entropy<T>(logits, TensorView<const T>(targets), options_.loss, gradient, pool_);
  }
  void count(const Batch& batch, TensorView<const T> logits, double loss) {
    const std::int64_t K = logits.shape().back();
    for (std::int64_t n = 0; n < batch.size(); ++n) {
      const T* const row = logits.data() + n * K;
      state_.correct +=
          std::max_element(row, row + K) - row == batch.labels[static_cast<std::size_t>(n)];
    }
    state_.images += batch.size();
    state_.loss_sum += loss * static_cast<double>(batch.size());
  }

  void report(const Rate& rate, double speed) {
    const std::int64_t left = options_.epochs * train_.steps() - state_.step;
    const TrainingStatus status{
        .epoch = state_.epoch,
        .epochs = options_.epochs,
        .step = state_.step_in_epoch,
        .steps_per_epoch = train_.steps(),
        .learning_rate = rate.learning_rate,
        .loss = mean_loss(),
        .accuracy = mean_accuracy(),
        .images_per_second = speed,
        .seconds_left = static_cast<double>(left * train_.options().batch) / speed};
    progress_.step(status);
    if (options_.on_step) options_.on_step(status);
  }
  double mean_loss() const {
    return state_.loss_sum / static_cast<double>((std::max<std::int64_t>)(state_.images, 1));
  }
  double mean_accuracy() const {
    return static_cast<double>(state_.correct) /
           static_cast<double>((std::max<std::int64_t>)(state_.images, 1));
  }

  bool end_epoch(const Rate& rate) {
    const std::string broken = first_non_finite_tensor(graph_);
    if (!broken.empty()) stop_broken("a weight is not finite", state_.step, broken);
    const double unknown = std::numeric_limits<double>::quiet_NaN();
    EpochRecord record{state_.epoch,
                       state_.step,
                       rate.learning_rate,
                       mean_loss(),
                       mean_accuracy(),
                       unknown,
                       unknown,
                       state_.seconds,
                       static_cast<double>(state_.images) / (std::max)(state_.seconds, 1e-9)};
    bool is_best = false;
    if (options_.validation) {
      const Evaluation evaluation =
          evaluate(executor_, *options_.validation, options_.validation_pipeline,
                   {.batch = train_.options().batch, .pool = &pool_, .stop = options_.stop});
      // Stopped on the way: the epoch's steps are kept, its validation is done after resuming.
      if (evaluation.size() < options_.validation->size()) return false;
      record.validation_loss = evaluation.loss;
      record.validation_accuracy = evaluation.accuracy().value;
      is_best = record.validation_accuracy > state_.best_accuracy;
    }
    if (is_best) {
      state_.best_accuracy = record.validation_accuracy;
      state_.best_epoch = state_.epoch;
    }
    state_.history.epochs.push_back(record);
    ++state_.epoch;
    state_.step_in_epoch = 0;
    state_.loss_sum = state_.seconds = 0;
    state_.correct = state_.images = 0;
    if (is_best && !options_.folder.empty())
      save_graph(graph_, file("best.safetensors"), options_.metadata);
    save();
    progress_.line(epoch_line(record, is_best));
    if (options_.on_epoch) options_.on_epoch(record);
    return true;
  }
  std::string epoch_line(const EpochRecord& record, bool is_best) const {
    // Room for a loss of 300 digits in each of the two places.
    char text[1024];
    int length = std::snprintf(
        text, sizeof text, "epoch %d/%d  rate %.3g  loss %.4f  accuracy %.2f %%  %.0f images/s  %s",
        record.epoch + 1, options_.epochs, record.learning_rate, record.train_loss,
        100 * record.train_accuracy, record.images_per_second, clock_text(record.seconds).c_str());
    if (options_.validation)
      std::snprintf(text + length, sizeof text - static_cast<std::size_t>(length),
                    "  validation loss %.4f  accuracy %.2f %%%s", record.validation_loss,
                    100 * record.validation_accuracy, is_best ? "  (best)" : "");
    return text;
  }

  void save() {
    if (options_.folder.empty()) return;
    const std::string broken = first_non_finite_tensor(graph_);
    if (!broken.empty()) stop_broken("a weight is not finite", state_.step, broken);
    save_checkpoint(file("checkpoint.safetensors"), graph_, optimizer_, state_, options_.settings,
                    options_.metadata);
    checkpoint_step_ = state_.step;
    if (!state_.history.epochs.empty()) write_file(file("history.csv"), state_.history.csv());
  }
  FitResult finish(FitOutcome outcome) {
    if (outcome == FitOutcome::interrupted)
      save();
    else if (!options_.folder.empty())
      save_graph(graph_, file("model.safetensors"), options_.metadata);
    return {outcome, state_};
  }

  /// `step`, from 1, is the one that did it, and belongs to the running epoch.
  [[noreturn]] void stop_broken(const std::string& what, std::int64_t step,
                                const std::string& where) const {
    const std::string kept =
        options_.folder.empty() ? ""
        : checkpoint_step_ < 0
            ? "; no checkpoint had been written yet"
            : text_of("; the last good checkpoint, after step ", checkpoint_step_, ", is kept");
    fail("training: ", what, " in step ", step, " (epoch ", state_.epoch + 1, ", step ",
         step - state_.step + state_.step_in_epoch, " of ", train_.steps(), "); first seen in ",
         where, kept);
  }

  const Graph<T>& graph_;
  Loader& train_;
  Optimizer<T>& optimizer_;
  FitOptions<T> options_;
  ThreadPool& pool_;
  Executor<T> executor_;
  std::vector<Parameter<T>*> parameters_;
  Progress progress_;
  TrainingState state_;
  /// What the checkpoint in the folder is of; -1: this training has none yet.
  std::int64_t checkpoint_step_ = -1;
  Tensor<T> converted_;
};

/// Trains `graph` on `train`; see Fit and FitOptions.
template <class T>
FitResult fit(const Graph<T>& graph, Loader& train, Optimizer<T>& optimizer,
              FitOptions<T> options) {
  return Fit<T>(graph, train, optimizer, std::move(options)).run();
}

}  // namespace octet::inline OCTET_ABI
