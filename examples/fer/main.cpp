// fer: facial expressions, from pictures to an int8 program, on the command line.
#include <cctype>
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>

#include <octet/core/cpu.hpp>
#include <octet/core/error.hpp>

#include "bench.hpp"
#include "command_line.hpp"
#include "emit.hpp"
#include "option_checks.hpp"
#include "scan.hpp"

namespace fer {

namespace {

constexpr const char* road =
    "From pictures to an int8 program, with Kaggle's fer2013.csv:\n"
    "  fer train --data fer2013.csv --out trained\n"
    "  fer eval trained/model.safetensors --data fer2013.csv\n"
    "  fer quantize trained/model.safetensors --data fer2013.csv --out int8.safetensors\n"
    "  fer predict int8.safetensors face.jpg\n"
    "  fer info int8.safetensors\n"
    "Should int8 lose accuracy, train on with int8's rounding:\n"
    "  fer train --qat --from trained/model.safetensors --data fer2013.csv --out aware\n"
    "Each layer's time, and a C++17 header for firmware:\n"
    "  fer bench int8.safetensors\n"
    "  fer emit int8.safetensors --namespace face --out face.hpp\n"
    "With --data synthetic in place of the file, faces are drawn instead of read; fer demo does\n"
    "all of it in about two minutes. fer COMMAND --help lists a command's options.";

/// The command of this name; fails, with the names of all commands, if there is none.
const CLI::App& command_named(const CLI::App& app, const std::string& typed) {
  std::vector<std::string> names;
  for (const CLI::App* const command : app.get_subcommands([](const CLI::App*) { return true; })) {
    if (command->get_name() == typed) return *command;
    names.push_back(command->get_name());
  }
  octet::fail("expected a command (", octet::list_of(names), "), got \"", typed, '"',
              suggestion(typed, names));
}

/// Fails if an argument looks like an option, and is none of the command's. Otherwise a missing
/// option would be reported before the one that was misspelled.
void check_options(const CLI::App& command, int argc, char** argv) {
  for (int i = 2; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--") return;
    const bool is_option =
        argument.size() > 1 && argument[0] == '-' &&
        (argument[1] == '-' || std::isalpha(static_cast<unsigned char>(argument[1])));
    const std::string name = argument.substr(0, argument.find('='));
    if (!is_option || command.get_option_no_throw(name)) continue;
    std::vector<std::string> names;
    for (const CLI::Option* const option : command.get_options())
      names.push_back(option->get_name());
    octet::fail("there is no option ", name, suggestion(name, names), " (fer ", command.get_name(),
                " --help lists those there are)");
  }
}

/// Runs the command that the line asks for; fails with a sentence if it makes no sense.
int run(int argc, char** argv) {
  CLI::App app("Facial expressions with Octet: train, evaluate, quantize to int8, predict.", "fer");
  app.require_subcommand(1);
  TrainOptions train_options;
  EvalOptions eval_options;
  QuantizeOptions quantize_options;
  PredictOptions predict_options;
  InfoOptions info_options;
  DemoOptions demo_options;
  BenchOptions bench_options;
  EmitOptions emit_options;
  ScanOptions scan_options;
  const CLI::App* const train_command = add_train(app, train_options);
  const CLI::App* const eval_command = add_eval(app, eval_options);
  const CLI::App* const quantize_command = add_quantize(app, quantize_options);
  const CLI::App* const predict_command = add_predict(app, predict_options);
  const CLI::App* const info_command = add_info(app, info_options);
  const CLI::App* const demo_command = add_demo(app, demo_options);
  const CLI::App* const bench_command = add_bench(app, bench_options);
  const CLI::App* const emit_command = add_emit(app, emit_options);
  const CLI::App* const scan_command = add_scan(app, scan_options);
  app.footer(road);
  // Not before it is asked for: fer bench --isa decides on the instruction set.
  const auto version = [] {
    return octet::text_of("fer, of Octet ", OCTET_VERSION_MAJOR, ".", OCTET_VERSION_MINOR, ".",
                          OCTET_VERSION_PATCH, ", with ", octet::to_text(octet::active_isa()));
  };
  app.set_version_flag("--version", version, "Print the version and the instruction set, and exit");
  if (argc < 2) {
    std::fprintf(stderr, "%s", app.help().c_str());
    return exit_mistake;
  }
  const std::string command = argv[1];
  const bool asks_for_itself = command == "-h" || command == "--help" || command == "--version";
  if (!asks_for_itself) check_options(command_named(app, command), argc, argv);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& answered) {
    return app.exit(answered);
  } catch (const CLI::ParseError& error) {
    octet::fail(sentence_of(error), " (fer ", command, " --help tells more)");
  }
  if (*train_command) return train(train_options);
  if (*eval_command) return eval(eval_options);
  if (*quantize_command) return quantize(quantize_options);
  if (*predict_command) return predict(predict_options);
  if (*info_command) return info(info_options);
  if (*demo_command) return demo(demo_options);
  if (*bench_command) return bench(bench_options);
  if (*emit_command) return emit(emit_options);
  if (*scan_command) return scan(scan_options);
  return exit_mistake;
}

}  // namespace

}  // namespace fer

int main(int argc, char** argv) {
  const auto complain = [](const char* what) {
    std::fflush(stdout);
    std::fprintf(stderr, "fer: %s\n", what);
    return fer::exit_mistake;
  };
  // Who reads a file or a pipe sees each line when it is written, as on a terminal.
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
  // A file that grows beyond a limit is an error of its writer, not the end of the process.
  std::signal(SIGXFSZ, SIG_IGN);
  try {
    const int code = fer::run(argc, argv);
    const bool lost = std::fflush(stdout) != 0 || std::ferror(stdout);
    return code == 0 && lost ? complain("standard output: cannot be written") : code;
  } catch (const std::bad_alloc&) {
    return complain("there is not enough memory");
  } catch (const std::exception& error) {
    return complain(error.what());
  }
}
