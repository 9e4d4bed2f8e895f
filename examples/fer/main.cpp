// fer: facial expressions, from pictures to an int8 program, on the command line.
#include <cstdio>
#include <new>

#include <octet/core/error.hpp>

#include "bench.hpp"
#include "command_line.hpp"

int main(int argc, char** argv) {
  CLI::App app("Facial expressions with Octet: train, evaluate, quantize to int8, predict.", "fer");
  app.require_subcommand(1);
  fer::TrainOptions train;
  fer::EvalOptions eval;
  fer::QuantizeOptions quantize;
  fer::PredictOptions predict;
  fer::InfoOptions info;
  fer::DemoOptions demo;
  fer::BenchOptions bench;
  const CLI::App* const train_command = fer::add_train(app, train);
  const CLI::App* const eval_command = fer::add_eval(app, eval);
  const CLI::App* const quantize_command = fer::add_quantize(app, quantize);
  const CLI::App* const predict_command = fer::add_predict(app, predict);
  const CLI::App* const info_command = fer::add_info(app, info);
  const CLI::App* const demo_command = fer::add_demo(app, demo);
  const CLI::App* const bench_command = fer::add_bench(app, bench);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : fer::exit_mistake;
  }
  try {
    if (*train_command) return fer::train(train);
    if (*eval_command) return fer::eval(eval);
    if (*quantize_command) return fer::quantize(quantize);
    if (*predict_command) return fer::predict(predict);
    if (*info_command) return fer::info(info);
    if (*demo_command) return fer::demo(demo);
    if (*bench_command) return fer::bench(bench);
  } catch (const octet::Error& error) {
    std::fflush(stdout);
    std::fprintf(stderr, "\nfer: %s\n", error.what());
  } catch (const std::bad_alloc&) {
    std::fflush(stdout);
    std::fprintf(stderr, "\nfer: there is not enough memory\n");
  }
  return fer::exit_mistake;
}
