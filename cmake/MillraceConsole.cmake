# cmake -D FOLDER=... -D OUTPUT=... -P: the files of a folder as a unit of C++.
file(GLOB files "${FOLDER}/*")
list(SORT files)
set(arrays "")
set(rows "")
set(number 0)
foreach(file IN LISTS files)
  get_filename_component(name "${file}" NAME)
  file(READ "${file}" bytes HEX)
  file(SHA256 "${file}" digest)
  string(SUBSTRING "${digest}" 0 16 digest)
  string(REGEX REPLACE "(................................)" "\\1\n" bytes
    "${bytes}")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
  string(APPEND arrays
    "constexpr unsigned char console_bytes_${number}[] = {\n${bytes}};\n")
  string(APPEND rows "  {\"${name}\", \"\\\"${digest}\\\"\", text_of(console_bytes_${number})},\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE "${OUTPUT}"
  "#include <millrace/nodes/servers/http/console_files.hpp>

namespace millrace::nodes::http {

namespace {

${arrays}
template <size_t Count>
std::string_view text_of(const unsigned char (&bytes)[Count]) {
  return {reinterpret_cast<const char*>(bytes), Count};
}

const console_file console_table[] = {
${rows}};

} // namespace

std::span<const console_file> console_files() { return console_table; }

} // namespace millrace::nodes::http
")
