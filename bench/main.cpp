#include <millrace/bench/part_process.hpp>
#include <millrace/bench/run_bench.hpp>

#include <string_view>

int main(int argc, char** argv) {
  using namespace millrace;
  // Not for users: how part_process starts this program once more.
  if (argc > 2 && std::string_view{argv[1]} == bench::part_option)
    return bench::run_part({argv + 2, argv + argc});
  auto program = nodes::bench_command;
  program.text.name = "millrace-bench";
  program.text.example = "millrace-bench publish_cached_100 -o json";
  program.run = bench::run_bench;
  return nodes::run_program(program, argc, argv);
}
