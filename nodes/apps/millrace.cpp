#include <millrace/nodes/cli.hpp>

int main(int argc, char** argv) { return millrace::nodes::run_cli(argc, argv); }
