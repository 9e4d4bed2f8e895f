// The doctor of int8 programs: which layers cost accuracy, which repairs bring it back, and what
// the repairs cost.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "octet/program/quantize.hpp"
#include "octet/quant/equalize.hpp"
#include "octet/train/doctor_report.hpp"
#include "octet/train/evaluate_program.hpp"

namespace octet::inline OCTET_ABI {

struct DoctorOptions {
  /// What the doctor begins with, but for learned rounding, which it tries in any case.
  QuantizeOptions quantize = {};
  /// How many of the images each layer is looked at with, alone.
  std::int64_t ranking_images = 1024;
  /// How many of the layers that cost the most are treated one by one.
  std::int64_t worst_layers = 3;
  /// Two programs differ if McNemar's mid-p is below.
  double significance = 0.05;
  ThreadPool* pool = nullptr;
  /// Where rows are shown as soon as they are known; null: nowhere.
  std::FILE* progress = nullptr;
};

struct TreatedProgram {
  QuantizedProgram quantized;
  DoctorReport doctor;
};

/// Quantizes a network, looks for the layers that cost accuracy, and tries what may repair them.
///
/// A layer's cost is found with it alone in int8: the answers that change then are its doing. The
/// other way round, with it alone in float32, they would change by the noise of all others as well.
///
/// A repair is applied if it makes significantly more answers right; or, where the program gets
/// neither larger nor needs more float32, if it makes no fewer answers right and significantly more
/// of them equal to those of float32. `judges` are the labelled images for that; on them the
/// program is chosen, so its accuracy is to be told on others.
template <std::same_as<float> T>
class QuantizationDoctor {
 public:
  /// Graph and judges have to outlive the doctor.
  QuantizationDoctor(const Graph<T>& graph, const BatchSource& images, const ImageDataset& judges,
                     const Pipeline& pipeline, const DoctorOptions& options)
      : graph_(graph),
        images_(images),
        judges_(judges),
        pipeline_(pipeline),
        options_(options),
        pool_(options.pool ? *options.pool : default_thread_pool()) {
    if (judges.size() == 0) fail("doctor: expected images with labels to judge by, got none");
    if (options.ranking_images < 1 || options.worst_layers < 0)
      fail("doctor: expected at least one image to rank layers by, and layers to treat, got ",
           options.ranking_images, " and ", options.worst_layers);
  }

  TreatedProgram run() {
    patient_.base = prepare(graph_);
    patient_.options = options_.quantize;
    patient_.options.rounding = WeightRounding::nearest;
    note("the network in float32, and in int8\n");
    report_.in_float = judge(patient_.base->in_float, judges_);
    build(patient_);
    report_.before = patient_.evaluation;
    note("each layer alone in int8\n");
    rank_layers();
    note(
        "\nrepairs, each on top of those that were applied\n%-44s %-25s %7s %14s %6s %15s %9s "
        "%6s\n",
        "", "accuracy, points (95 %)", "p", "like float32", "p", "ms of an image", "bytes", "s");
    try_ranges();
    try_equalization();
    if (patient_.options.bias_correction == BiasCorrection::none)
      attempt("bias correction",
              [](Case& each) { each.options.bias_correction = BiasCorrection::mean_error; });
    try_layer_ranges();
    attempt("learned rounding",
            [](Case& each) { each.options.rounding = WeightRounding::learned; });
    try_float32();
    report_.after = patient_.evaluation;
    QuantizationReport report =
        compare(patient_.base->in_float, *patient_.program, patient_.base->calibration,
                patient_.decisions, images_, &pool_);
    // What became float32 after its rounding was learned has none.
    const std::vector<std::string> left = report.float_layers();
    std::erase_if(patient_.layer_roundings, [&](const LayerRounding& each) {
      return std::find(left.begin(), left.end(), each.layer) != left.end();
    });
    return {{std::move(*patient_.program), std::move(report), std::move(patient_.layer_roundings)},
            std::move(report_)};
  }

 private:
  using Clock = std::chrono::steady_clock;
  /// A network in float32 and what its activations were seen to hold.
  struct Base {
    Program in_float;
    Calibration calibration;
  };
  /// A way to quantize, and, once it was built, what comes of it.
  struct Case {
    std::shared_ptr<const Base> base;
    QuantizeOptions options;
    std::vector<QuantizedWeights> rounded;
    std::vector<LayerRounding> layer_roundings;
    std::shared_ptr<Program> program;
    std::vector<QuantizationDecision> decisions;
    Evaluation evaluation;
  };

  template <class... Parts>
  void note(const char* format, const Parts&... parts) const {
    if (!options_.progress) return;
    if constexpr (sizeof...(Parts) == 0)
      std::fputs(format, options_.progress);
    else
      std::fprintf(options_.progress, format, parts...);
    std::fflush(options_.progress);
  }

  Evaluation judge(const Program& program, const ImageDataset& images) const {
    return evaluate(program, images, pipeline_, {.pool = &pool_});
  }
  std::shared_ptr<const Base> prepare(const Graph<T>& graph) const {
    Program in_float = compile(graph);
    Calibration calibration = calibrate(in_float, images_,
                                        {.range = options_.quantize.range,
                                         .percentile = options_.quantize.percentile,
                                         .trained_on = options_.quantize.trained_on,
                                         .channel_means = ChannelMeans::kept},
                                        &pool_);
    return std::make_shared<const Base>(Base{std::move(in_float), std::move(calibration)});
  }
  void build(Case& each) const {
    const Base& base = *each.base;
    Quantizer quantizer(base.in_float.description(), base.calibration, each.options);
    for (std::size_t i = 0; i < each.rounded.size(); ++i)
      if (!each.rounded[i].weight.empty())
        quantizer.round(i, each.rounded[i].weight, each.rounded[i].scale);
    if (each.options.rounding == WeightRounding::learned && each.rounded.empty()) {
      each.layer_roundings = RoundingLearner(base.in_float, each.options.learned_rounding, &pool_)
                                 .run(quantizer, images_, base.calibration.images());
      each.rounded = quantizer.rounded();
    }
    each.decisions = quantizer.decisions();
    each.program = std::make_shared<Program>(quantizer.run(), each.options.program);
    each.evaluation = judge(*each.program, judges_);
  }
  void rank_layers() {
    std::vector<std::int64_t> chosen;
    const std::int64_t count = (std::min)(options_.ranking_images, judges_.size());
    for (std::int64_t i = 0; i < count; ++i) chosen.push_back(i * judges_.size() / count);
    const ImageDataset some = judges_.subset(chosen);
    report_.ranking_images = count;
    const Program& in_float = patient_.base->in_float;
    const Evaluation expected = judge(in_float, some);
    const std::vector<Operation>& operations = in_float.description().operations;
    for (std::size_t i = 0; i < operations.size(); ++i) {
      if (!patient_.decisions[i].int8 || moves_values(operations[i]) ||
          operations[i].as<operations::Concat>())
        continue;
      QuantizeOptions options = patient_.options;
      for (const Operation& operation : operations)
        if (operation.name != operations[i].name) options.keep_float.push_back(operation.name);
      Quantizer quantizer(in_float.description(), patient_.base->calibration, options);
      const Evaluation got = judge(Program(quantizer.run()), some);
      LayerCost cost{operations[i].name, std::string(operations[i].type()), mcnemar(expected, got)};
      for (std::size_t k = 0; k < got.predicted.size(); ++k)
        cost.changed += got.predicted[k] != expected.predicted[k];
      report_.layers.push_back(std::move(cost));
    }
    // A loss that is not significant is luck: then it says more how many answers change.
    const auto cost_of = [&](const LayerCost& cost) {
      const bool certain = cost.lost() > 0 && cost.answers.mid_p < options_.significance;
      return std::pair(certain ? cost.lost() : 0, cost.changed);
    };
    std::stable_sort(
        report_.layers.begin(), report_.layers.end(),
        [&](const LayerCost& a, const LayerCost& b) { return cost_of(a) > cost_of(b); });
    note("\nwhat each layer costs, alone in int8, on %lld images\n%-28s %-18s %8s %-17s %7s %8s\n",
         static_cast<long long>(count), "layer", "operation", "accuracy", " points (95 %)", "p",
         "changed");
    for (const LayerCost& cost : report_.layers) {
      const Proportion change = accuracy_change(cost.answers, count);
      note("%-28s %-18s %8.2f (%6.2f to %5.2f) %6.3f %8lld\n", cost.layer.c_str(),
           cost.type.c_str(), 100 * change.value, 100 * change.low, 100 * change.high,
           cost.answers.mid_p, static_cast<long long>(cost.changed));
    }
  }

  /// The median milliseconds of two programs in turn.
  std::pair<double, double> time_of(const Program& a, const Program& b) const {
    constexpr int rounds = 25;
    ThreadPool single(1);
    std::vector<double> times[2];
    Workspace workspaces[] = {Workspace(a, {.pool = &single}), Workspace(b, {.pool = &single})};
    const Tensor<float> image(a.input_shape().with_batch(1));
    Tensor<float> logits(a.output_shape().with_batch(1));
    const TensorView<const float> input = image;
    const TensorView<float> output = logits;
    for (int round = 0; round < 2 * rounds; ++round) {
      const auto start = Clock::now();
      (round % 2 ? b : a).run({&input, 1}, {&output, 1}, workspaces[round % 2]);
      const std::chrono::duration<double, std::milli> taken = Clock::now() - start;
      times[round % 2].push_back(taken.count());
    }
    for (std::vector<double>& each : times) std::sort(each.begin(), each.end());
    return {times[0][rounds / 2], times[1][rounds / 2]};
  }

  bool significant(const McNemar& test) const {
    return test.wrong_to_right > test.right_to_wrong && test.mid_p < options_.significance;
  }
  McNemar agreement(const Evaluation& before, const Evaluation& after) const {
    std::int64_t lost = 0, won = 0;
    for (std::size_t i = 0; i < before.predicted.size(); ++i) {
      const int wanted = report_.in_float.predicted[i];
      lost += before.predicted[i] == wanted && after.predicted[i] != wanted;
      won += before.predicted[i] != wanted && after.predicted[i] == wanted;
    }
    return mcnemar(lost, won);
  }
  static std::int64_t float_operations(const Case& each) {
    return std::count_if(each.decisions.begin(), each.decisions.end(),
                         [](const QuantizationDecision& decision) { return !decision.int8; });
  }

  /// What `change` makes of the patient.
  template <class Change>
  Case changed(const Change& change) const {
    Case candidate = patient_;
    change(candidate);
    build(candidate);
    return candidate;
  }
  /// Tries one change, and applies it if it pays. Returns whether it did.
  template <class Change>
  bool attempt(std::string name, const Change& change) {
    const auto start = Clock::now();
    Case candidate = changed(change);
    return decide(std::move(name), std::move(candidate), start);
  }
  bool decide(std::string name, Case candidate, Clock::time_point start) {
    Treatment treatment;
    treatment.name = std::move(name);
    treatment.answers = mcnemar(patient_.evaluation, candidate.evaluation);
    treatment.agreement = agreement(patient_.evaluation, candidate.evaluation);
    treatment.bytes_before = patient_.program->weight_bytes();
    treatment.bytes = candidate.program->weight_bytes();
    treatment.seconds = std::chrono::duration<double>(Clock::now() - start).count();
    const auto [milliseconds_before, milliseconds] = time_of(*patient_.program, *candidate.program);
    treatment.milliseconds_before = milliseconds_before;
    treatment.milliseconds = milliseconds;
    const McNemar& answers = treatment.answers;
    const bool free = treatment.bytes <= treatment.bytes_before &&
                      float_operations(candidate) <= float_operations(patient_);
    treatment.applied =
        significant(answers) || (free && answers.wrong_to_right >= answers.right_to_wrong &&
                                 significant(treatment.agreement));
    show(treatment);
    report_.treatments.push_back(treatment);
    if (treatment.applied) patient_ = std::move(candidate);
    return treatment.applied;
  }
  void show(const Treatment& treatment) const {
    const Proportion change = accuracy_change(treatment.answers, judges_.size());
    const McNemar& agreement = treatment.agreement;
    note("%-44s %6.2f (%6.2f to %5.2f) %7.3f %14lld %6.3f %6.3f to %5.3f %9lld %6.1f  %s\n",
         treatment.name.c_str(), 100 * change.value, 100 * change.low, 100 * change.high,
         treatment.answers.mid_p,
         static_cast<long long>(agreement.wrong_to_right - agreement.right_to_wrong),
         agreement.mid_p, treatment.milliseconds_before, treatment.milliseconds,
         static_cast<long long>(treatment.bytes - treatment.bytes_before), treatment.seconds,
         treatment.applied ? "applied" : "left");
  }

  void try_ranges() {
    for (std::size_t m = 0; m < range_method_names.size(); ++m) {
      const auto method = static_cast<RangeMethod>(m);
      if (method == patient_.options.range) continue;
      attempt(text_of("ranges: ", range_method_names[m]),
              [&](Case& each) { each.options.range = method; });
    }
  }
  void try_equalization() {
    const auto with = [&](Relu6InEqualization relu6) {
      return [this, relu6](Case& each) { each.base = prepare(equalize(graph_, {.relu6 = relu6})); };
    };
    if (Equalization<T>(graph_, {}).pairs() > 0)
      attempt("equalization", with(Relu6InEqualization::keep));
    const bool has_relu6 = std::any_of(
        graph_.nodes().begin(), graph_.nodes().end(),
        [](const Node<T>& node) { return node.layer && node.layer->type() == "relu6"; });
    if (has_relu6) attempt("equalization, ReLU for ReLU6", with(Relu6InEqualization::replace));
  }
  /// The best method for each of the worst layers.
  void try_layer_ranges() {
    for (const LayerCost& cost : worst()) {
      const auto start = Clock::now();
      std::vector<Case> cases;
      std::string name;
      for (std::size_t m = 0; m < range_method_names.size(); ++m) {
        const auto method = static_cast<RangeMethod>(m);
        if (method == patient_.options.range) continue;
        Case candidate = changed([&](Case& each) {
          each.options.layer_ranges.insert(each.options.layer_ranges.begin(), {cost.layer, method});
        });
        if (!cases.empty() && candidate.evaluation.correct() <= cases[0].evaluation.correct())
          continue;
        cases.assign(1, std::move(candidate));
        name = text_of("range of ", cost.layer, ": ", range_method_names[m]);
      }
      decide(std::move(name), std::move(cases[0]), start);
    }
  }
  /// The worst layer alone, the two worst ...
  void try_float32() {
    std::string names;
    std::vector<std::string> layers;
    std::size_t left = report_.layers.size();
    for (const LayerCost& cost : worst()) {
      // The last one that can be int8 stays so.
      if (--left == 0) return;
      layers.push_back(cost.layer);
      names += (names.empty() ? "float32: " : ", ") + cost.layer;
      if (!attempt(names, [&](Case& each) {
            each.options.keep_float.insert(each.options.keep_float.end(), layers.begin(),
                                           layers.end());
          }))
        continue;
      layers.clear();
      names.clear();
    }
  }
  /// Those that change answers.
  std::vector<LayerCost> worst() const {
    std::vector<LayerCost> layers;
    for (const LayerCost& cost : report_.layers)
      if (cost.changed > 0 && static_cast<std::int64_t>(layers.size()) < options_.worst_layers)
        layers.push_back(cost);
    return layers;
  }

  const Graph<T>& graph_;
  BatchSource images_;
  const ImageDataset& judges_;
  Pipeline pipeline_;
  DoctorOptions options_;
  ThreadPool& pool_;
  Case patient_;
  DoctorReport report_;
};

/// Quantizes a network with the repairs that pay; see QuantizationDoctor. `images` are for
/// calibration, `judges` decide.
template <std::same_as<float> T>
TreatedProgram quantize_with_doctor(const Graph<T>& graph, const BatchSource& images,
                                    const ImageDataset& judges, const Pipeline& pipeline,
                                    const DoctorOptions& options = {}) {
  return QuantizationDoctor<T>(graph, images, judges, pipeline, options).run();
}

}  // namespace octet::inline OCTET_ABI
