// SPDX-License-Identifier: Apache-2.0
// Quantizes a language model with many compositions and prints what each costs in bits and in KL
// divergence. sh examples/run.sh builds and runs it; --help lists the options.
#include <CLI/CLI.hpp>
#include <cmath>
#include <iostream>

#include "llm/machine.hpp"
#include "llm/progress.hpp"
#include "llm/quantize.hpp"
#include "llm/results.hpp"
#include "llm/speed.hpp"

namespace {

struct options {
  std::string model = OPENQUANT_EXAMPLE_DATA "/tiny-qwen3";
  std::string calibration, evaluation, output = "results";
  std::vector<std::string> methods;
  openquant::index_t window = 256, calibration_windows = 128, evaluation_windows = 128;
  openquant::index_t threads = openquant::threads{}.count;
  bool list = false, save = false;
};

/// Windows of a token file, at most `most`.
std::vector<llm::window> read_windows(const std::string& path, const llm::model& m,
                                      const options& o, openquant::index_t most) {
  auto windows = llm::read_tokens(path, o.window, m.config.vocab_size);
  if (std::ssize(windows) > most) windows.resize(static_cast<std::size_t>(most));
  return windows;
}

/// The methods asked for, or all; throws for a name that is not on offer.
std::vector<llm::method> select(const std::vector<std::string>& names) {
  std::vector<llm::method> all = llm::methods(), chosen;
  if (names.empty()) {
    std::erase_if(all, [](const llm::method& m) { return !m.by_default; });
    return all;
  }
  for (const std::string& name : names) {
    const auto found = std::ranges::find(all, name, &llm::method::name);
    if (found == all.end()) {
      openquant::fail("no method is called '", name, "'; --list shows those there are");
    }
    chosen.push_back(*found);
  }
  return chosen;
}

llm::result measure(const llm::method& how, const llm::model& teacher,
                    const llm::hidden_states& teacher_states,
                    const llm::first_calibration& calibration,
                    const std::vector<llm::window>& evaluation, const openquant::threads& executor,
                    const std::filesystem::path& save_as,
                    const std::function<void(std::size_t)>& done) {
  llm::result r;
  r.method = how.name;
  r.family = how.family;
  r.type = how.type;
  llm::reset_peak_memory();
  const llm::stopwatch clock;
  const auto quantized = llm::quantize(teacher, calibration, how, executor, done);
  r.seconds = clock.seconds();
  r.peak_memory = llm::peak_memory_mib();
  r.bits_per_weight =
      static_cast<double>(quantized.payload_bits) / static_cast<double>(quantized.weights);
  r.layers = quantized.layers;
  if (!save_as.empty()) llm::save_layers(quantized.model, save_as);
  const auto found = llm::evaluate(teacher, teacher_states, quantized.model, evaluation, executor);
  r.divergence = found.divergence.result();
  r.perplexity = found.perplexity.value();
  return r;
}

void run(const options& o) {
  if (o.list) {
    for (const auto& m : llm::methods()) std::cout << m.name << "\n    " << m.type << '\n';
    return;
  }
  const auto methods = select(o.methods);
  const llm::model teacher = llm::load_model(o.model);
  const std::string calibration_file =
      o.calibration.empty() ? o.model + "/calibration_tokens.bin" : o.calibration;
  const std::string evaluation_file =
      o.evaluation.empty() ? o.model + "/evaluation_tokens.bin" : o.evaluation;
  if (std::error_code none; std::filesystem::equivalent(calibration_file, evaluation_file, none)) {
    openquant::fail(calibration_file, ": to calibrate on what is then measured would flatter");
  }
  std::vector<llm::window> calibration;
  if (std::ranges::any_of(methods, &llm::method::needs_calibration)) {
    calibration = read_windows(calibration_file, teacher, o, o.calibration_windows);
  }
  const auto evaluation = read_windows(evaluation_file, teacher, o, o.evaluation_windows);
  std::filesystem::create_directories(o.output);
  const openquant::threads executor{o.threads};
  llm::use_one_blas_thread();  // windows and rows are the parallel work

  const llm::stopwatch calibrating;
  llm::first_calibration first;
  if (!calibration.empty()) first = llm::calibrate_first(teacher, calibration, executor);
  const double shared_seconds = calibrating.seconds();

  const llm::stopwatch running;
  const auto teacher_states = llm::run_model(teacher, evaluation, executor);
  const double running_seconds = running.seconds();  // before the products are timed
  const double forward =
      llm::product_flops(teacher, evaluation) / running_seconds / llm::product_speed(executor);
  const double reference = llm::perplexity(teacher, teacher_states, evaluation, executor);

  std::vector<llm::result> results;
  std::string failures;
  const std::filesystem::path folder = o.output;
  {
    const auto blocks = static_cast<double>(teacher.blocks.size());
    const double steps = blocks + 1;  // evaluation is about a block's worth
    llm::progress bar(steps * static_cast<double>(methods.size()));
    for (const auto& how : methods) {
      const double before = steps * static_cast<double>(&how - methods.data());
      const auto done = [&](std::size_t k) { bar.show(before + static_cast<double>(k), how.name); };
      done(0);
      try {
        results.push_back(measure(how, teacher, teacher_states, first, evaluation, executor,
                                  o.save ? folder / (how.name + ".safetensors") : "", done));
      } catch (const openquant::error& failure) {  // the others may well go on
        failures += how.name + " failed: " + failure.what() + "\n";
      }
    }
  }
  if (results.empty()) throw openquant::error(failures.substr(0, failures.size() - 1));
  llm::sort_into_front(results);
  const std::string text = llm::table(results, reference);
  std::cout << text << "* on the Pareto front of bits and mean KLD; " << evaluation.size()
            << " windows of " << o.window << " tokens; KLD in nats, s.e. over windows; "
            << llm::machine_name() << ", " << o.threads << " threads\n"
            << "The first block's Hessians took "
            << openquant::to_text(std::round(100 * shared_seconds) / 100)
            << " s and are shared by all; the forward pass runs at " << std::lround(100 * forward)
            << " % of the speed of one large product.\n";
  for (const auto& r : results) std::cout << llm::remarks(r);

  nlohmann::ordered_json json{{"model", o.model},
                              {"machine", llm::machine_name()},
                              {"threads", o.threads},
                              {"window", o.window},
                              {"calibration_windows", calibration.size()},
                              {"shared_calibration_seconds", shared_seconds},
                              {"forward_over_product_speed", forward},
                              {"evaluation_windows", evaluation.size()},
                              {"reference_perplexity", reference},
                              {"results", nlohmann::ordered_json::array()}};
  for (const auto& r : results) json["results"].push_back(llm::to_json(r));
  llm::write_file(folder / "results.json", json.dump(2) + "\n");
  llm::plot(results, folder / "pareto.svg");
  std::cout << "Written: " << (folder / "results.json").string() << ", "
            << (folder / "pareto.svg").string() << '\n';
  if (!failures.empty()) throw openquant::error(failures.substr(0, failures.size() - 1));
}

}  // namespace

int main(int argc, char** argv) {
  options o;
  CLI::App app(
      "Quantizes a Llama or Qwen3 model in many ways and measures, for each, the exact bits per "
      "weight\nand the KL divergence of its next-token distribution from the original model's.",
      "openquant_llm");
  app.add_option("--model", o.model,
                 "Hugging Face folder, config.json and *.safetensors; default: the embedded model")
      ->type_name("DIR");
  app.add_option("--calibration", o.calibration,
                 "token ids to calibrate on, little-endian uint16, or uint32 if named *.u32;\n"
                 "default: calibration_tokens.bin in the model's folder")
      ->type_name("FILE");
  app.add_option("--evaluation", o.evaluation,
                 "token ids to measure on; default: evaluation_tokens.bin in the model's folder")
      ->type_name("FILE");
  app.add_option("--method", o.methods, "methods by name; default: all that --list shows")
      ->type_name("NAME");
  app.add_option("--output", o.output, "folder for results.json and pareto.svg")
      ->type_name("DIR")
      ->capture_default_str();
  const auto count = [&](const char* name, openquant::index_t& value, const char* text, int most) {
    app.add_option(name, value, text)
        ->capture_default_str()
        ->check(CLI::Range(1, most).description(""))
        ->type_name("N");
  };
  count("--window", o.window, "tokens in a window", 1 << 20);
  count("--calibration-windows", o.calibration_windows, "at most this many", 1 << 30);
  count("--evaluation-windows", o.evaluation_windows, "at most this many", 1 << 30);
  count("--threads", o.threads, "the results do not depend on it", 1024);
  app.add_flag("--save", o.save, "also write the dequantized layers, OUTPUT/NAME.safetensors");
  app.add_flag("--list", o.list, "show the methods and leave");
  app.footer("Example: openquant_llm --method rtn-uniform4 gptq-uniform4 gptq-hadamard-lloyd4");
  CLI11_PARSE(app, argc, argv);
  try {
    run(o);
  } catch (const std::exception& failure) {
    std::cerr << "openquant_llm: " << failure.what() << '\n';
    return 1;
  }
}
