// Lesson 7: Training for eight bits: when quantization after training is not enough.
//
// Lesson 4 quantized a trained network, and lost next to nothing. That is not always so. An
// activation has one scale for the whole tensor, a 255th of its range. If one channel is a hundred
// times louder than the others, the range is its range, and what the others say disappears between
// two steps. Networks come to that by themselves: nothing keeps the factors of a batch norm alike,
// since a ReLU lets a factor through to the next layer. (Weights have the same trouble where all
// channels share one scale: MobileNetV1 fell from 70.5 % to 1.8 %, T. Sheng et al. 2018. Octet
// gives each output channel its own.)
//
// There are repairs without training (cross-layer equalization, another way to choose ranges, a
// layer kept in float32), each for a cause of its own. Quantization-aware training needs to know
// no cause. It puts a node behind every activation, and on the weights of every layer, that
// computes in training what int8 will do to them:
//
//     fake_quantize(x) = (clamp(round(x / s) + z, -128, 127) - z) * s
//
// The loss then is that of the int8 network, errors and all, and gradient descent looks for weights
// that do well in spite of them. One thing stands in its way: the derivative of round() is 0 nearly
// everywhere. The straight-through estimator takes it as 1 inside of the range, and as 0 outside,
// where the clamp holds the value fast. This is wrong for one number and right on average.
//
// A schedule says when to do what. At first the nodes only watch, so that they know the ranges.
// Then they quantize. Later they stop watching, and at last batch norm stops, too, and takes its
// running statistics as the int8 network will: from there on, training sees exactly the network
// that is to be.
//
// So that this lesson takes seconds, it makes the loud channel itself. A ReLU lets factors through:
// multiply a channel by 150 before it and divide the weights that read the channel by 150, and in
// float32 the network is the same. In int8 it is not.

#include <cstdio>

#include "octet/octet.hpp"

namespace {

/// The same function, with channel 0 of the first layer so many times louder.
void make_loud(octet::Graph<float>& net, float factor) {
  octet::Layer<float>& norm = *net.node(net.find("batch_norm_1")).layer;
  for (octet::Parameter<float>* const each : norm.parameters()) each->value[0] *= factor;
  octet::Layer<float>& reader = *net.node(net.find("conv2d_2")).layer;
  octet::Tensor<float>& weight = reader.parameters()[0]->value;
  // Weights are [OC, KH, KW, C].
  for (std::int64_t i = 0; i < weight.elements(); i += weight.shape().back()) weight[i] /= factor;
}

}  // namespace

int main() {
  const octet::Splits faces = octet::synthetic_face_splits(2000, 0, 500);
  const octet::Pipeline prepare{octet::normalize(octet::channel_statistics(faces.train))};
  octet::Loader loader(faces.train, prepare, {.batch = 50, .seed = 1});
  octet::Batch calibration;
  octet::Loader sample(faces.train, prepare, {.batch = 256, .order = octet::Order::sequential});
  sample.next(calibration);

  const auto train = [&](octet::Graph<float>& graph, int epochs, double rate) {
    octet::Optimizer<float> optimizer = octet::adam<float>();
    octet::FitOptions<float> options;
    options.epochs = epochs;
    options.schedule =
        octet::one_cycle({.max_learning_rate = rate, .total_steps = epochs * loader.steps()});
    options.progress = stdout;
    octet::fit(graph, loader, optimizer, options);
  };
  const auto judge = [&](const char* what, const octet::Program& program) {
    octet::Evaluation result = octet::evaluate(program, faces.test, prepare);
    std::printf("%-34s %5.1f %% right\n", what, 100 * result.accuracy().value);
    return result;
  };

  octet::Graph<float> net(/*seed=*/1);
  auto x = net.input({48, 48, 1});
  x = relu(batch_norm(conv2d(x, 8, {.kernel = 3, .stride = 2, .padding = 1})));
  x = relu(batch_norm(conv2d(x, 16, {.kernel = 3, .stride = 2, .padding = 1})));
  x = relu(batch_norm(conv2d(x, 16, {.kernel = 3, .stride = 2, .padding = 1})));
  net.output(linear(flatten(x), 7));
  train(net, 4, 4e-3);
  make_loud(net, 150);

  // Post-training quantization: the report shows where it hurts. The first layer still looks well,
  // because its loudest channel is: look at the layers that need the others.
  const octet::Evaluation in_float = judge("float32", octet::compile(net));
  const octet::QuantizedProgram after = octet::quantize(net, calibration.images);
  const octet::Evaluation quantized = judge("int8 after training", after.program);
  for (const octet::LayerReport& layer : after.report.layers)
    std::printf("  %-10s %5.1f dB louder than its error\n", layer.name.c_str(), layer.sqnr_db);

  // Three more epochs, with int8 in the loop.
  const int epochs = 3;
  octet::Graph<float> aware = octet::insert_fake_quantize(
      net, {.schedule = octet::QuantizationSchedule::fine_tuning(epochs * loader.steps())});
  train(aware, epochs, 2e-3);
  const octet::Program program = octet::quantize(aware);
  const octet::Evaluation trained = judge("int8 by quantization-aware training", program);

  // No number was lost between training and the program: in inference the graph computes the
  // program's bits, so what training reported is what you ship.
  const octet::Evaluation in_graph = octet::evaluate(aware, faces.test, prepare);
  std::printf("answers in which graph and program differ: %lld\n",
              static_cast<long long>(octet::mcnemar(in_graph, trained).right_to_wrong +
                                     octet::mcnemar(in_graph, trained).wrong_to_right));
  const octet::McNemar flips = octet::mcnemar(quantized, trained);
  std::printf("%lld faces went from wrong to right, %lld from right to wrong: p = %.1g\n",
              static_cast<long long>(flips.wrong_to_right),
              static_cast<long long>(flips.right_to_wrong), flips.exact_p);

  // The exit code says whether the lesson is true: int8 after training lost five points or more,
  // and training with fake quantization won at least half of them back.
  const double best = in_float.accuracy().value, lost = best - quantized.accuracy().value;
  const bool won = trained.accuracy().value > best - lost / 2;
  return lost >= 0.05 && won && in_graph.predicted == trained.predicted ? 0 : 1;
}
