#include <millrace/nodes/cli/cli.hpp>

int main(int argc, char** argv) { return millrace::nodes::run_cli(argc, argv); }
